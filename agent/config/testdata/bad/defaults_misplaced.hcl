repository "infra" {
  url = "file:///srv/git/infra.git"
}

defaults {
  dir        = "x"
  depends_on = ["y"]
  approvals  = 0
}

stack "ghe" {
  dir       = "ghe"
  approvals = 1
}
