repository "infra" {
  url = "https://github.com/ops/infra.git"
  github {
    url           = "http://ghe.example.internal"
    repository    = "infra"
    pull_requests = "all"
  }
}

repository "apps" {
  url = "https://github.com/ops/apps.git"
  github {
    url        = "https://ghe.example.internal/ops/apps"
    repository = "ops/apps"
    token      = credential("two-lines")
    app {
      id               = 0
      installation_id  = 1.5
      private_key_file = "@DIR@/open_key"
    }
  }
  github {
    repository = "ops/apps"
    token      = credential("passphrase")
    webhook    = true
  }
}

stack "ghe" {
  repository = "infra"
  dir        = "ghe"
}
