repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
slack {
  token = "xoxb-canary-secret
  channel = "C0123456789"
}
