repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir       = "ghe"
  approvals = 3
}

cli_approvals = false

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"
  approvers = ["U01ABCDEF", "U01ABCDEG"]
}
