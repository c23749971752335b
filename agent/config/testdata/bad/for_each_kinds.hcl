locals {
  names = ["staging", "prod", "prod"]
  envs = {
    staging = {}
    prod    = {}
    prod    = {}
  }
}

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "a" {
  for_each  = ["staging", "prod"]
  dir       = "a"
  workspace = each.key
}

stack "b" {
  for_each = {}
  dir      = "b"
}

stack "c" {
  for_each  = toset(local.names)
  dir       = "c"
  workspace = each.key
}

stack "d" {
  for_each  = local.envs
  dir       = "d"
  workspace = each.key
}

stack "e" {
  for_each  = { "eu/prod" = {}, ".hidden" = {}, fine = {} }
  dir       = "e"
  workspace = each.key
}

stack "f" {
  for_each = toset([env("CANARY")])
  dir      = "f"
}

stack "g" {
  for_each = null
  dir      = "g"
}

stack "h" {
  for_each = toset([null, "prod"])
  dir      = "h"
}

stack "i" {
  for_each = 3
  dir      = "i"
}

stack "j" {
  for_each = { (dir) = 1 }
  dir      = "j"
}

stack "k" {
  for_each   = toset([1, 2])
  dir        = "k"
  workspace  = each.value
  depends_on = ["nowhere-prod"]
}
