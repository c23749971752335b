
repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir              = "ghe"
  drift            = "hourly"
  auto_apply_limit = 0
  recreate_also    = ["aws_volume_attachment.*"]
}
