repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

retention {
  runs    = 3
  age     = "1m"
  history = "soon"
  forever = true
}
