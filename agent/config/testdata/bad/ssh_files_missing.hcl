repository "infra" {
  url = "ssh://git@git.example.com/ops/infra.git"
  ssh {
    key_file         = "@DIR@/no_key"
    known_hosts_file = "@DIR@/no_hosts"
  }
}

stack "ghe" {
  dir = "ghe"
}
