repository "infra" {
  url     = "https://git.example.com/ops/infra.git"
  ca_file = "@DIR@/key.pem"
}

stack "ghe" {
  dir = "ghe"
}
