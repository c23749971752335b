repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"
  approvers = ["U01ABCDEF", "S01OPSTEAM", "jane@example.com", "@jane", "jane", "Jane <jane@example.com>", "C0123456789"]
}
