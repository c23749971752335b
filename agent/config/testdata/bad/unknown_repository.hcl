repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  repository = "infa"
  dir        = "ghe"
}
