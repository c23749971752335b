repository "infra" {
  url     = "ssh://git@git.example.com/ops/infra.git"
  token   = file("@DIR@/secret")
  ca_file = "@DIR@/ca.pem"
  ssh {
    key_file         = "@DIR@/deploy_key"
    known_hosts_file = "@DIR@/known_hosts"
  }
}

stack "ghe" {
  dir = "ghe"
}
