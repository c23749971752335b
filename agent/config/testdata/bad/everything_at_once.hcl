repository "infra" {
  url      = "http://git.example.com/infra.git"
  schedule = "often"
}

stack "ghe" {
  dir      = "../ghe"
  plan_ttl = "a while"
  watch    = ["["]
  drift    = "hourly"
  colour   = "red"
}

slack {
  token   = credential("no-such")
  channel = "nowhere"
}
