repository "infra" {
  url = "https://github.com/ops/infra.git"
  github {
    repository    = "ops/infra"
    token         = credential("github-token")
    pull_requests = "trusted"
  }
}

stack "ghe" {
  dir = "ghe"
}
