repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  var_files = ["prod.tfvars", "/etc/x.tfvars", "../../x.tfvars", ""]
}
