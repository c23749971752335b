repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  images         = { ami_id = "node" }
  verify_after   = "1h"
}
