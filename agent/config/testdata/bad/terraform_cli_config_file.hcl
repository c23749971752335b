repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

terraform {
  cli_config_file = "@DIR@/no.rc"
}
