repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  plan_ttl     = "1 day"
  plan_timeout = "0s"
  lock_timeout = "-1m"
}
