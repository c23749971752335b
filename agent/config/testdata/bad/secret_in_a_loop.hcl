repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  vars = { x = { for k in [env("CANARY"), env("CANARY")] : k => 1 } }
  env  = { for k in [env("CANARY")] : k => nosuch(k) }
  label = [for k in [env("CANARY")] : k + 1][0]
}
