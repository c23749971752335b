repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "0 0 30 2 *"
}

stack "ghe" {
  dir = "ghe"
}
