repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

metrics {
  listen = "127.0.0.1:9746"
}
