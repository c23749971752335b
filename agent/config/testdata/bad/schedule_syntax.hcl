repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "every minute"
}

stack "ghe" {
  dir = "ghe"
}
