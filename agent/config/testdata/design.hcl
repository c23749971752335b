data_dir = "/var/lib/sallyport"
socket   = "/run/sallyport/sallyport.sock"

repository "infra" {
  url      = "ssh://git@ghe.example.internal/ops/infra.git"
  branch   = "master"
  schedule = "@every 30s"
  ssh {
    key_file         = "@DIR@/deploy_key"
    known_hosts_file = "@DIR@/known_hosts"
  }
  rewritten_history = "hold"
  github {
    url           = "https://ghe.example.internal"
    repository    = "ops/infra"
    token         = credential("github-token")
    pull_requests = "trusted"
  }
}

defaults {
  approvals = 1
  plan_ttl  = "24h"
}

stack "network" {
  dir = "network"
}

stack "ghe" {
  repository          = "infra"
  dir                 = "ghe"
  workspace           = "default"
  var_files           = ["prod.tfvars"]
  vars                = { region = "us-east-1" }
  watch               = ["modules/**"]
  env                 = { AWS_REGION = "us-east-1" }
  backend_config      = { bucket = "tf-state" }
  depends_on          = ["network"]
  approvers           = ["U01ABCDEF"]
  auto_apply          = "never"
  drift               = "@hourly"
  protect             = ["aws_ebs_volume.*"]
  allow_self_approval = true
}

stacks "services/*" {
  auto_apply = "no_destroy"
}

terraform {
  version         = "1.11.4"
  parallel        = 2
  cli_config_file = "@DIR@/known_hosts"
  user            = "sallyport-tf"
}

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"
  approvers = ["U01ABCDEF", "S01OPSTEAM", "jane@example.com"]
  poll      = "5s"
  app_token = credential("slack-app-token")
  api_url   = "https://slack.com/api/"
}

cli_approvals = true

metrics {
  listen   = "127.0.0.1:9746"
  textfile = "/var/lib/node_exporter/sallyport.prom"
}

ping_url = "https://ping.example/uuid"

image "node" {
  dir = "images/node"
}

standby {
}
