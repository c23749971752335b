repository "infra" {
  url = "/srv/git//infra.git/"
}

stack "root" {
  dir = "."
}
