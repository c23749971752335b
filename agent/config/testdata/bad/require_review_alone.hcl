repository "infra" {
  url            = "https://github.com/ops/infra.git"
  require_review = true
}

stack "ghe" {
  dir = "ghe"
}
