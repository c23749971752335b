repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

terraform {
  version = "1.11.4"
  binary  = "@DIR@/terraform"
}
