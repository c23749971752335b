repository "infra" {
  url = "../infra.git"
}

stack "ghe" {
  dir = "ghe"
}
