repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

person "jane" {
  os = "jane"
}

person "jane" {
  os = "jane2"
}
