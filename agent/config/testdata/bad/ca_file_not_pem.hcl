repository "infra" {
  url     = "https://git.example.com/ops/infra.git"
  ca_file = "@DIR@/known_hosts"
}

stack "ghe" {
  dir = "ghe"
}
