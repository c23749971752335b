repository "infra" {
  url = "file:///srv/git/infra.git"
}

hooks {
  before_plan  = "check"
  after_plan   = []
  before_apply = ["  "]
  timeout      = "10ms"
  on_success   = ["true"]
  env          = { SALLYPORT_RUN = "1", TF_VAR_x = "1" }
}

hooks {
}

defaults {
  hooks {
    before_plan = ["true"]
  }
}

stack "ghe" {
  dir = "ghe"
  hooks {
    after_apply = [null]
  }
}
