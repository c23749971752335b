data_dir = env("CANARY")

repository "infra" {
  url = "https://git.example.com/${env("CANARY")}"
}

stack "ghe" {
  dir       = env("CANARY")
  watch     = [env("CANARY")]
  approvals = env("CANARY")
  vars      = { (env("CANARY")) = 1 }
  env       = { (env("CANARY")) = "x" }
}
