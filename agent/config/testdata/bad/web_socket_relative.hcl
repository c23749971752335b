web {
  socket = "run/web.sock"
  listen = "127.0.0.1:9747"
}

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
