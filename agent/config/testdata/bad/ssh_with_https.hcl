repository "infra" {
  url = "https://git.example.com/ops/infra.git"
  ssh {
    key_file         = "@DIR@/deploy_key"
    known_hosts_file = "@DIR@/known_hosts"
  }
}

stack "ghe" {
  dir = "ghe"
}
