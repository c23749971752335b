repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  mode          = "watch"
  plan_in_slack = "some"
}
