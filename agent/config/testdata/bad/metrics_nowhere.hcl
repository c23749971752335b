repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

metrics {
  allow_remote = true
}

ping_url = 17
