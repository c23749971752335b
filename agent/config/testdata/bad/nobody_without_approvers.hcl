repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

slack {
  token   = credential("slack-bot-token")
  channel = "C0123456789"
}

cli_approvals = false
