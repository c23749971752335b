repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  backend_config = {
    "a b" = "c"
  }
}
