repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

metrics {
  listen   = "0.0.0.0:9746"
  textfile = "sallyport.prom"
}

ping_url = "http://ping.example.com/canary-secret"
