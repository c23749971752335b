repository "infra" {
  url    = "file:///srv/git/infra.git"
  branch = "refs/heads/main"
}

stack "ghe" {
  dir = "ghe"
}
