data_dir = "relative"

repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "now and then"
  brnch    = "main"
}

stack "ghe" {
  dir        = "ghe"
  repository = "other"
  plan_ttl   = "soon"
}

stack "net" {
  dir      = "net
  plan_ttl = "never"
}
