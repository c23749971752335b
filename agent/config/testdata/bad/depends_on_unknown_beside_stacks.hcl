repository "infra" {
  url = "file:///srv/git/infra.git"
}

stacks "services/*" {
}

stack "ghe" {
  dir        = "ghe"
  depends_on = ["services-wiki", "netwrk"]
}
