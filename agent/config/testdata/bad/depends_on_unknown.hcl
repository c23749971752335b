repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "network" {
  dir = "network"
}

stack "ghe" {
  dir        = "ghe"
  depends_on = ["netwrk"]
}
