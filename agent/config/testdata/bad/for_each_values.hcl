locals {
  envs = {
    staging = { ttl = "soon", size = 1 }
    prod    = { ttl = "12h", size = 3 }
    Prod    = { ttl = "12h", size = 3 }
  }
}

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  for_each     = local.envs
  dir          = "ghe"
  workspace    = each.key
  plan_ttl     = each.value.ttl
  plan_timeout = "later"
  approvals    = each.value.people
  label        = each.name

  terraform {
    version = each.value.version
  }
  apply_window = { schedule = each.value.window, duration = "1h" }
}

stack "ghe-prod" {
  dir       = "other"
  workspace = each.key
  name      = "other"
}

stack "same" {
  for_each = local.envs
  dir      = "same"
  name     = "same"
}

stack "state" {
  for_each = toset(["a", "b"])
  dir      = "state"
}

stack "loop" {
  dir = "${dir}/x"
}

stacks "roots/*" {
  for_each       = toset(["dev", "prod"])
  repository     = dir
  exclude        = [dir]
  backend_config = { key = "${dir}.tfstate" }
  vars           = { token = credential(dir) }
  name           = [each.key]
  hooks {
    after_plan = ["/usr/local/bin/check", dir]
  }
  terraform {
    version = dir
  }
  aws {
    role_arn    = "arn:aws:iam::123456789012:role/${each.key}"
    external_id = "id-${dir}"
  }
}
