repository "infra" {
  url = "https://canary-secret@git.example.com/ops/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
