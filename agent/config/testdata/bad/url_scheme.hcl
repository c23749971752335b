repository "infra" {
  url = "git://git.example.com/ops/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
