socket = "/run//sallyport/web.sock"

web {}

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
