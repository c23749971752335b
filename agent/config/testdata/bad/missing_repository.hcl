repository "infra" {
  url = "file:///srv/git/infra.git"
}

repository "other" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
