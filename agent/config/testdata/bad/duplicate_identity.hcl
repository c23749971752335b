repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

person "jane" {
  github = "jane"
}

person "joe" {
  github = "Jane"
}
