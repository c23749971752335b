repository "infra" {
  url = "ssh://git@git.example.com/ops/infra.git"
  ssh {
    key_file         = "@DIR@/open_key"
    known_hosts_file = "@DIR@/known_hosts"
  }
}

stack "ghe" {
  dir = "ghe"
}
