locals {
  region = "us-east-1"
  a      = local.b
  b      = "${local.c}!"
  c      = local.a
  after  = local.a
}

locals {
  region = "eu-west-1"
  typo   = local.regoin
  here   = each.key
  where  = dir
  mixed  = "x" + 1

  nested {}
}

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir       = "ghe"
  label     = local.a
  workspace = local.nowhere
  mode      = local
  vars      = { region = var.region }
}
