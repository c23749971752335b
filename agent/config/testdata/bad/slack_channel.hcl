repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

slack {
  token   = credential("slack-bot-token")
  channel = "Infra"
}
