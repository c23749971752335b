data_dir      = "/srv/sallyport/"
socket        = "/run/sallyport/s.sock"
cli_approvals = false

repository "infra" {
  url      = "git@git.example.com:ops/infra.git"
  branch   = "release/1.x"
  schedule = "CRON_TZ=Europe/Berlin */5 8-18 * * 1-5"
  ssh {
    key_file         = "deploy_key" # beside this file
    known_hosts_file = "@DIR@/known_hosts"
    passphrase       = credential("passphrase")
  }
  rewritten_history = "follow"
  max_object_size   = "512MB"
  require_review    = true
  require_signed {
    allowed_signers = "@DIR@/signers"
  }
  ca_file           = "@DIR@/ca.pem" # of the github block
  github {
    url        = "https://GHE.example.com:8443/"
    repository = "ops/infra"
    app {
      id               = 314
      installation_id  = 2718
      private_key_file = "@DIR@/key.pem"
    }
  }
}

repository "apps" {
  url      = "https://git.example.com:8443/ops/apps.git"
  token    = file("@DIR@/secret")
  username = "oauth2"
  ca_file  = "@DIR@/ca.pem"
  schedule = "*/10 * * * * *"
  modules_from = ["https://GIT.example.com:8443/ops/modules.git", "/group/*/tf-*/"]
  github {
    repository    = "ops/apps"
    token         = credential("passphrase")
    pull_requests = "trusted"
    lend_to_previews = true
    secrets_to_previews = true
  }
}

repository "here" {
  url = "http://127.0.0.1:3000/ops/here.git"
}

defaults {
  repository   = "infra"
  approvals    = 2
  plan_ttl     = "12h"
  env          = { AWS_REGION = "us-east-1", KEPT = "no" }
  watch        = ["policies/**"]
  plan_timeout = "10m"
  auto_apply   = "never"
  drift        = "@hourly"
}

stack "network" {
  dir = "network"
  terraform {
    engine = "tofu"
    binary = "@DIR@/terraform"
  }
  aws {
    role_arn      = "arn:aws:iam::123456789012:role/ops/apply"
    plan_role_arn = "arn:aws-us-gov:iam::123456789012:role/plan"
    external_id   = credential("passphrase")
    region        = "us-gov-west-1"
  }
}

stack "ghe" {
  dir                 = "ghe"
  workspace           = "prod"
  var_files           = ["prod.tfvars", "../common.tfvars"]
  vars                = { region = "us-east-1", sizes = [1, 2], deep = { on = true, secret = credential("passphrase") } }
  watch               = ["modules/**"]
  env                 = { AWS_REGION = "eu-west-1", RETRIES = 3 }
  plan_env            = { AWS_PROFILE = "plan" }
  apply_env           = { TOKEN = "Bearer ${env("CANARY")}" }
  backend_config      = { bucket = "tf-state", encrypt = true }
  depends_on          = ["network", "services-wiki"]
  approvals           = 1
  approvers           = ["U01ABCDEF"]
  plan_ttl            = "24h"
  plan_timeout        = "1h30m"
  lock_timeout        = "10s"
  protect             = ["aws_ebs_volume.*"]
  replaceable         = ["aws_instance.*"]
  max_destroy         = 0
  allow_self_approval = false
  mode                = "observe"
  mention             = ["S01OPSTEAM"]
  channel             = "#ghe"
  label               = "PROD"
  plan_in_slack       = "addresses"
  drift               = "CRON_TZ=Europe/Berlin 15 * * * *"
  auto_apply          = "recreate"
  auto_apply_limit    = 5
  recreate_also       = ["aws_volume_attachment"]
}

stack "ghe-staging" {
  dir       = "ghe"
  workspace = "staging"
}

stacks "services/*" {
  repository = "apps"
  depends_on = ["services-base"]
}

stacks "services/*" {
  workspace = "two"
}

terraform {
  binary          = "@DIR@/terraform"
  parallel        = 4
  cli_config_file = "@DIR@/known_hosts"
  user            = "sallyport-tf"
}

slack {
  token     = credential("slack-bot-token")
  channel   = "#infra"
  approvers = ["U01ABCDEF", "S01OPSTEAM", "jane@example.com"]
  poll      = "100ms"
  api_url   = "http://localhost:8080/api"
}

person "jane" {
  slack  = "U01ABCDEF"
  github = "jane-doe"
  os     = "jane"
}

web {
  socket = "/run/sallyport/pages.sock"
}

retention {
  runs    = 500
  age     = "720h"
  history = "2000h"
}

backup {
  schedule = "@daily"
  command  = ["aws", "s3", "cp", "-", "s3://bucket/sallyport"]
  env      = { AWS_REGION = "us-east-1" }
  timeout  = "1h"
}

notify "pager" {
  events  = ["waiting", "blocked"]
  stacks  = ["prod-*", "ghe"]
  url     = "https://alerts.example.com/hooks/${env("CANARY")}?v=2"
  headers = { Authorization = "Bearer ${env("CANARY")}", X-Team = "ops" }
  timeout = "10s"
}

notify "mail" {
  events  = ["errored"]
  command = ["sallyport-mail", "--now"]
  env     = { MAILTO = "ops@example.com" }
}

metrics {
  listen       = "0.0.0.0:9746"
  textfile     = "/var/lib/node_exporter/../node_exporter/sallyport.prom"
  allow_remote = true
}

ping_url = "https://ping.example.com/${env("CANARY")}"
