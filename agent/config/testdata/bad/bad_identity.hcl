repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

person "jane" {
  slack  = "@jane"
  github = "jane doe"
  os     = "jane doe"
}
