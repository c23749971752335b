repository "infra" {
  url   = "https://ghe.example.internal/ops/infra.git"
  token = credential("passphrase")
  modules_from = [
    "https://github.com/ops/modules.git", "http://ghe.example.internal/ops/modules.git", "https://me@ghe.example.internal/ops/modules",
    "ops/**", "ops/../else", "", "git@ghe.example.internal:ops/modules.git", "ops/[a-z]", "ops/%2e%2e/x", "https://ghe.example.internal",
  ]
  github {
    url              = "https://ghe.example.internal"
    repository       = "ops/infra"
    token            = credential("passphrase")
    lend_to_previews = true
    secrets_to_previews = true
  }
}

repository "ssh" {
  url          = "git@github.com:ops/infra.git"
  modules_from = ["ops/modules"]
  ssh {
    key_file         = "@DIR@/deploy_key"
    known_hosts_file = "@DIR@/known_hosts"
  }
}

repository "open" {
  url          = "https://github.com/ops/open.git"
  modules_from = ["ops/modules"]
}

stack "ghe" {
  repository = "infra"
  dir        = "ghe"
}
