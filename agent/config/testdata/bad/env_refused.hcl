repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir = "ghe"
  env = {
    TF_VAR_region            = "us-east-1"
    TF_LOG                   = "trace"
    TF_LOG_PATH              = "/tmp/x"
    TF_CLI_ARGS_plan         = "-refresh=false"
    TF_WORKSPACE             = "prod"
    TF_INPUT                 = "1"
    TF_IN_AUTOMATION         = "1"
    TF_REATTACH_PROVIDERS    = "{}"
    TF_DATA_DIR              = "/tmp/x"
  }
  plan_env = {
    TF_APPEND_USER_AGENT     = "x"
    TF_DISABLE_PLUGIN_TLS    = "1"
  }
  apply_env = {
    TF_SKIP_PROVIDER_VERIFY = "1"
    LD_PRELOAD              = "/tmp/x.so"
    "NOT A NAME"            = "x"
  }
}
