repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

metrics {
  textfile     = "/"
  allow_remote = true
}
