repository "infra" {
  url     = "https://git.example.com/ops/infra.git"
  ca_file = "@DIR@/no.pem"
}

stack "ghe" {
  dir = "ghe"
}
