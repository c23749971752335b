repository "infra" {
  url = "file:///srv/git/infra.git"
}

repository "other" {
  url = "file:///srv/git/infra.git"
}

stack "network" {
  repository = "other"
  dir        = "network"
}

stack "ghe" {
  repository = "infra"
  dir        = "ghe"
  depends_on = ["network"]
}
