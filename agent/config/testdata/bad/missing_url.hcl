repository "infra" {
  branch = "main"
}

stack "ghe" {
  dir = "ghe"
}
