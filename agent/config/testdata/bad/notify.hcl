repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

notify "pager" {
  events  = ["waiting", "aproved", "waiting"]
  stacks  = ["prod-[", ""]
  url     = "http://alerts.example.com/"
  headers = { "X Team" = "ops", host = "a", X-One = "1", x-one = "canary-secret", X-Line = "a\nb" }
  env     = { A = "b" }
  method  = "PUT"
}

notify "pager" {
  events = ["waiting"]
  url    = "https://alerts.example.com/"
}

notify "nothing" {
  events  = []
  stacks  = []
  headers = { A = "b" }
}

notify "both" {
  events  = ["drift"]
  url     = "https://canary-secret@alerts.example.com/"
  command = []
}

notify "told" {
  command = ["page"]
  events  = [env("CANARY")]
}
