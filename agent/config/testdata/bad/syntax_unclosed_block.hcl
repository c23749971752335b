repository "infra" {
  url      = "file:///srv/git/infra.git"
  schedule = "now and then"
}

stack "ghe" {
  dir = "ghe"

stack "net" {
  dir      = "net"
  plan_ttl = "soon"
}
