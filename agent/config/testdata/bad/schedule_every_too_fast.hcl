repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "@every 500ms"
}

stack "ghe" {
  dir = "ghe"
}
