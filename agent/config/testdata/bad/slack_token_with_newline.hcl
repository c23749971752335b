repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

slack {
  token   = credential("two-lines")
  channel = "C0123456789"
}
