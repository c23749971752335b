repository "infra" {
  url = "file:///srv/git/infra.git"
}

stacks "/services/[" {
}
