repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  watch     = "modules/**"
  approvals = "many"
  plan_ttl  = { hours = 3 }
  var_files = [null]
  env       = { A = null }
}
