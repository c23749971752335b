repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  env = { AWS_PROFILE = "ops" }
  aws {
    role_arn      = "arn:aws:iam::1:role/apply"
    plan_role_arn = "plan"
    region        = "Virginia"
  }
}

stack "wiki" {
  dir = "wiki"
  aws {
    external_id = "a b"
  }
}
