repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "CRON_TZ=Europe/Atlantis 0 * * * *"
}

stack "ghe" {
  dir = "ghe"
}
