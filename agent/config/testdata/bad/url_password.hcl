repository "infra" {
  url = "https://jane:canary-secret@git.example.com/ops/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
