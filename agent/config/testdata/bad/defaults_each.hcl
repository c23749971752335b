repository "infra" {
  url = "file:///srv/git/infra.git"
}

defaults {
  name      = "x"
  for_each  = toset(["prod"])
  workspace = each.key
  vars      = { where = dir }
}

stack "ghe" {
  dir = "ghe"
}
