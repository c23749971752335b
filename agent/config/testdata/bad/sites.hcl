repository "infra" {
  url            = "https://git.example.com/ops/infra.git"
  require_review = true
  bitbucket {
    url           = "http://git.example.internal"
    repository    = "infra"
    pull_requests = "trusted"
  }
}

repository "apps" {
  url = "https://git.example.com/ops/apps.git"
  gitlab {
    url              = "https://git.example.com/gitlab?x=1"
    project          = "apps.git"
    merge_requests   = "all"
    lend_to_previews = true
  }
  gitea {
    repository = "ops/apps"
  }
}

repository "more" {
  url = "https://git.example.com/ops/more.git"
  gitea {
    url                 = "git.example.com"
    repository          = "ops"
    token               = credential("two-lines")
    pull_requests       = "off"
    secrets_to_previews = true
  }
}

repository "renamed" {
  url = "https://gitlab.com/ops/renamed.git"
  gitlab {
    repository    = "ops/renamed"
    token         = credential("two-lines")
    pull_requests = "trusted"
  }
}

stack "ghe" {
  repository = "infra"
  dir        = "ghe"
}

person "jane" {
  gitlab = "jane doe"
  gitea  = "jane"
}

person "joe" {
  gitea = "Jane"
}
