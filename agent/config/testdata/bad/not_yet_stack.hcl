repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  verify_after   = "1h"
}
