repository "infra" {
  url = "file:///srv/git/infra.git"
}

slack {
  token     = file("@DIR@/secret")
  channel   = "#ops"
  approvers = ["U01ABCDEF"]
}

cli_approvals = false

person "jane" {
  slack = "U01ABCDEF"
}

stack "ghe" {
  dir         = "ghe"
  break_glass = ["jane", "joe", "U 01"]
}
