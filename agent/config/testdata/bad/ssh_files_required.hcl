repository "infra" {
  url = "ssh://git@git.example.com/ops/infra.git"
  ssh {
  }
}

stack "ghe" {
  dir = "ghe"
}
