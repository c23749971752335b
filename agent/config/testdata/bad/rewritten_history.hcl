repository "infra" {
  url               = "file:///srv/git/infra.git"
  rewritten_history = "ignore"
}

stack "ghe" {
  dir = "ghe"
}
