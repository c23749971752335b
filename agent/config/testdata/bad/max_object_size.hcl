repository "a" {
  url             = "https://git.example.com/a.git"
  max_object_size = "512"
}

repository "b" {
  url             = "https://git.example.com/b.git"
  max_object_size = "100KB"
}

repository "c" {
  url             = "https://git.example.com/c.git"
  max_object_size = "-1GB"
}

stack "x" {
  repository = "a"
  dir        = "x"
}
