repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  drift          = "@hourly"
  images         = { ami_id = "node" }
  verify_after   = "1h"
}
