repository "Infra" {
  url = "file:///srv/git/infra.git"
}

stack "-ghe" {
  dir = "ghe"
}

person "Jane Doe" {
  os = "jane"
}
