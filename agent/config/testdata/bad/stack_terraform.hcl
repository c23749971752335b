repository "infra" {
  url = "file:///srv/git/infra.git"
}

terraform {
  cli_config_file = "@DIR@/known_hosts"
  provider_mirror = "http://mirror.example.com/providers"
}

stack "ghe" {
  dir = "ghe"
  terraform {
    engine  = "tofu"
    version = "1.9.0"
  }
}

stack "wiki" {
  dir = "wiki"
  terraform {
    engine   = "pulumi"
    parallel = 3
  }
}

stack "jira" {
  dir = "jira"
  terraform {
    binary = "tofu"
  }
}
