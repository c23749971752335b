repository "infra" {
  url = "https://ghe.example.internal/ops/infra.git"
}

stack "ghe" {
  dir         = "ghe"
  replaceable = ["aws_instance.* "]
  max_destroy = -1
}
