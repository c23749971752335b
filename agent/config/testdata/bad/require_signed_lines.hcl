repository "infra" {
  url = "file:///srv/git/infra.git"
  require_signed {
    allowed_signers = "@DIR@/known_hosts"
    armored         = "yes"
  }
}

stack "ghe" {
  dir = "ghe"
}
