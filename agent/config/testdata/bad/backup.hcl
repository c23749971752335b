repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

backup {
  schedule = "sometimes"
  command  = []
  timeout  = "0s"
  bucket   = "x"
}
