repository "infra" {
  url    = "file:///srv/git/infra.git"
  branch = "a..b"
}

stack "ghe" {
  dir = "ghe"
}
