repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  drift          = "@hourly"
  images         = { ami_id = "node" }
  verify_after   = "1h"
  aws {
    role_arn = "arn:aws:iam::1:role/plan"
  }
}
