repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

terraform {
  binary = "@DIR@/known_hosts"
}
