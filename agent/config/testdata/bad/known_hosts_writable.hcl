repository "infra" {
  url = "ssh://git@git.example.com/ops/infra.git"
  ssh {
    key_file         = "@DIR@/deploy_key"
    known_hosts_file = "@DIR@/writable"
  }
}

stack "ghe" {
  dir = "ghe"
}
