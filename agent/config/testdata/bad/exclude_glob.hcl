repository "infra" {
  url = "file:///srv/git/infra.git"
}

stacks "services/*" {
  exclude = ["services/old-*", "dir/"]
}

stack "ghe" {
  dir     = "ghe"
  exclude = ["x"]
}
