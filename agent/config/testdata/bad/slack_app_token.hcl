repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"
  app_token = credential("slack-bot-token")
  approvers = ["U01ABCDEF"]
}
