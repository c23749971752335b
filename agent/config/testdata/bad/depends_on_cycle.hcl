repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "a" {
  dir        = "a"
  depends_on = ["b"]
}

stack "b" {
  dir        = "b"
  depends_on = ["c"]
}

stack "c" {
  dir        = "c"
  depends_on = ["a"]
}

stack "self" {
  dir        = "self"
  depends_on = ["self"]
}
