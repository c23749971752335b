data_dir = "var/lib"
socket   = "run/x.sock"

repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
}
