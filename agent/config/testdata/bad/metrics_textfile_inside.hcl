data_dir = "/var/lib/sallyport"

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}

metrics {
  textfile = "/var/lib/sallyport/sallyport.db"
}
