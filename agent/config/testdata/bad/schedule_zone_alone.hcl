repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "CRON_TZ=UTC"
}

stack "ghe" {
  dir = "ghe"
}
