repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  mention = ["U01ABCDEF", "jane@example.com"]
}
