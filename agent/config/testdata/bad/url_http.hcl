repository "infra" {
  url = "http://git.example.com/ops/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
