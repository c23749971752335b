repository "infra" {
  url = "file:///srv/git/infra.git"
  require_signed {
  }
}

repository "apps" {
  url = "file:///srv/git/apps.git"
  require_signed {
    openpgp_keys    = "@DIR@/known_hosts"
    allowed_signers = "@DIR@/writable"
  }
}

stack "ghe" {
  repository = "infra"
  dir        = "ghe"
}
