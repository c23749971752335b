# Sallyport's configuration. Edit what is marked with EDIT, then:
#
#   sallyport check      finds every mistake in this file
#   sallyport doctor     tries git, Slack and terraform for real
#
# Others may read this file, but only root may write it (chmod 0644): who can write it can approve anything. No secret stands in
# it. A secret comes from one of three functions, is never printed, and may be used for tokens, passphrases, vars, env and
# backend_config:
#
#   credential("name")   a credential of the systemd unit: LoadCredential=name:/etc/sallyport/credentials/name
#   file("path")         a file that only the agent's user (or root) may read: chmod 0600
#   env("NAME")          a variable of the agent's own environment
#
# --config also takes a directory; then all its *.hcl files are one configuration.

data_dir = "/var/lib/sallyport"           # the store, the mirrors, the kept states
socket   = "/run/sallyport/sallyport.sock" # for the command line; whoever can open it may look and decide

# false: the command line may look, pause and deny, but not approve.
cli_approvals = true

# ---------------------------------------------------------------------------------------------------------------------
# The repository that is polled. Sallyport needs to read it, nothing more.

repository "infra" {
  url    = "ssh://git@git.example.internal/ops/infra.git" # EDIT; ssh://, https://, file:// or git@host:path
  branch = "main"                                         # EDIT

  # Cron's five fields, a descriptor such as @hourly, or @every; CRON_TZ=Europe/Paris before it sets the zone.
  schedule = "@every 30s"

  # A deploy key without write access. Host keys are never taken on trust: put the server's line into the file after
  # comparing its fingerprint with what the server's people say (ssh-keyscan HOST prints the line).
  ssh {
    key_file         = "/etc/sallyport/deploy_key" # chmod 0600
    known_hosts_file = "/etc/sallyport/known_hosts"
    # passphrase     = credential("deploy-key-passphrase")
  }

  # Over https instead of the ssh block:
  # token    = credential("git-token")
  # username = "x-access-token"            # default
  # ca_file  = "/etc/sallyport/git-ca.pem" # for a private certificate authority
  # terraform init gets the token for this repository, and for those at the same host that are named here: paths or URLs, "*" is one part.
  # modules_from = ["ops/modules", "terraform-modules/*"]

  # A force-pushed branch is held until `sallyport accept` takes it; "follow" takes it without asking.
  rewritten_history = "hold"

  # The largest file that the history may hold. A repository with a larger one is refused before it is unpacked, in a process of its
  # own that gets five times this memory.
  # max_object_size = "256MB" # default

  # Each commit since the applied one must be signed by a key in one of these files: an export of OpenPGP keys, a file of
  # allowed signers (ssh-keygen, git); a merge that the site made has the site's key. Or, with a github, gitlab or gitea block, it must belong to a merged
  # pull request whose final head somebody has approved. The branch is held at what fails.
  # require_signed {
  #   openpgp_keys    = "/etc/sallyport/signers.asc"
  #   allowed_signers = "/etc/sallyport/allowed_signers"
  # }
  # require_review = true

  # GitHub, or GitHub Enterprise: commits get a status per stack. All by asking, nothing is called back. ca_file above holds
  # here too, and an https url on the same host without a token of its own uses this one. pull_requests = "trusted" plans the
  # pull requests of this same repository by people who may write to it, before anybody looks at them: set terraform.user.
  # github {
  #   url        = "https://ghe.example.internal" # default https://github.com
  #   repository = "ops/infra"
  #   token      = credential("github-token")     # contents to read; commit statuses and pull requests to write
  #   # pull_requests = "trusted"                 # default "off"
  #   # lend_to_previews = true                   # private modules for these plans: whose pull request it is reads them then
  #   # secrets_to_previews = true                # what credential, file and env give, and the apply's role, for these plans: likewise
  #   # Or a GitHub App, in the token's place:
  #   # app {
  #   #   id               = 1
  #   #   installation_id  = 1
  #   #   private_key_file = "/etc/sallyport/github-app.pem"
  #   # }
  # }
  # GitLab, in the place of github; lend_to_previews and secrets_to_previews as there:
  # gitlab {
  #   url            = "https://git.example.internal/gitlab" # with its path, if it has one; default https://gitlab.com
  #   project        = "ops/platform/infra"
  #   token          = credential("gitlab-token")            # scope api, and read_repository for git; role Developer
  #   merge_requests = "trusted"                             # default "off"
  # }
  # Gitea or Forgejo, likewise:
  # gitea {
  #   url           = "https://git.example.internal"
  #   repository    = "ops/infra"
  #   token         = credential("gitea-token") # write:repository; for pull requests write:issue, read:user, read:organization, of an administrator of the repository
  #   pull_requests = "trusted"                 # default "off"
  # }
  # Bitbucket, for commit statuses alone:
  # bitbucket {
  #   url        = "https://git.example.internal" # of a Data Center; default https://bitbucket.org
  #   repository = "ops/infra"                    # workspace/name, or PROJECT/name
  #   token      = credential("bitbucket-token")  # an access token, or an API token with
  #   username   = "ops@example.com"              # the e-mail address that it goes with
  # }
}

# ---------------------------------------------------------------------------------------------------------------------
# What holds for every stack that does not say otherwise. All attributes of a stack but dir, depends_on, for_each and name may stand here; a
# stack's own value replaces this one, maps and lists too.

defaults {
  approvals    = 1     # how many different people must approve
  plan_ttl     = "24h" # a plan that nobody decided on expires
  plan_timeout = "30m"
  lock_timeout = "1m"  # how long terraform waits for the state lock
  # An apply has no limit: cutting it off is what loses state. People are told when one takes longer than apply_alert, or,
  # without that, than three times the longest of the stack's last five and than 15 minutes.
  # apply_alert = "1h"

  # An approved plan older than this is made again before it is applied. With the same changes, values included, the fresh one is
  # applied under the same approval; otherwise the run is stale, its thread shows what moved, and the new plan asks again.
  # verify_after = "1h"

  # When plans may be applied: from each time of a schedule on, for a while; one { } or a list. What is approved outside waits,
  # and everybody is told until when. Plans expire meanwhile (plan_ttl). `recover` waits for no window and no freeze.
  # apply_window = { schedule = "CRON_TZ=Europe/Paris 0 9 * * 1-4", duration = "8h" }
  # freeze       = [{ from = "2026-12-19", to = "2027-01-03", zone = "Europe/Paris", reason = "holidays" }]
}

# ---------------------------------------------------------------------------------------------------------------------
# A stack is one directory with Terraform files plus a workspace. It is planned when its directory, the local modules it
# calls, its var files or its watch globs change.

stack "network" {
  dir   = "network" # EDIT; relative to the repository's root
  label = "PROD"    # shown first in every message

  # workspace = "default"
  # var_files = ["prod.tfvars"]           # relative to dir
  # vars      = { region = "us-east-1" }
  # watch     = ["policies/**"]           # relative to the repository's root

  # terraform's environment is built from nothing: name what it needs. plan_env and apply_env add to env for one phase.
  # Plans of pull requests get of all these, vars and backend_config too, only what stands here itself: see secrets_to_previews.
  # env       = { AWS_REGION = "us-east-1" }
  # apply_env = { AWS_PROFILE = "apply" }

  # In the place of the terraform block below, for this stack alone: version, binary or engine.
  # terraform { version = "1.9.8" }

  # Roles that the agent takes on with the credentials of the instance. A plan is given only its own; the README's security model says
  # how to keep terraform from the metadata address, which gives away more.
  # aws {
  #   role_arn      = "arn:aws:iam::123456789012:role/sallyport-apply"
  #   plan_role_arn = "arn:aws:iam::123456789012:role/sallyport-plan"
  #   external_id   = credential("aws-external-id")
  #   region        = "us-east-1"
  # }

  # backend_config = { bucket = "example-terraform-state" }

  # Destroying or replacing these takes their address in the approval; * stands for any characters.
  # protect = ["aws_ebs_volume.*", "aws_db_instance.*"]

  # Replacing these (and nothing that is protected) is routine: a plain approve does. Destroying them for good is not.
  # replaceable = ["aws_instance.*"]

  # A plan that destroys or replaces more objects than this is refused outright, whoever asks.
  # max_destroy = 5

  # drift      = "@hourly"                # look whether it still is as it was applied; only changes are told
  # auto_apply = "recreate"               # bring back by itself what disappeared; or "no_destroy", "always"; default "never"
  # auto_apply_limit = 3                  # times a day
  # recreate_also    = ["aws_volume_attachment"] # may be replaced, too, when the only cause is a recreated object

  # depends_on          = ["accounts"]    # planned after these stacks, and again when an apply changed one
  # approvers           = ["U01ABCDEF"]   # instead of those of the slack block
  # break_glass         = ["jane"]        # person blocks, or users here, who may `approve --break-glass --reason TEXT` alone
  # allow_self_approval = false           # not by authors, committers or the merger of a change; needs person blocks
  # mention             = ["S01OPSTEAM"]  # named when a person is needed
  # channel             = "#network"      # instead of that of the slack block
  # plan_in_slack       = "full"          # or "addresses", "none"
  # mode                = "observe"       # plan and show, never ask; see "sallyport adopt"
}

# A stack whose variable is the id of the image that was built last; a new build has it planned again. With several regions
# the variable is a map by region. "node:amazon-ebs" takes one of several builders.
#   images = { ami_id = "node" }

# One stack for each directory with Terraform files that matches; services/wiki becomes the stack services-wiki. What a name cannot
# hold becomes a dash, the root directory takes the repository's name. Where two would have one name (capitals do not count), status says so.
# A directory with a stack block of its own is left to that, unless the block has another workspace or backend_config.
# What other directories, or tests, call as a module is no stack; exclude takes out what is none besides, like examples. Before it is
# used anywhere, "sallyport check --repo DIR" lists what would be found in a checkout, and why.
# stacks "services/*" {
#   label   = "PROD"
#   exclude = ["services/old-*"]
# }

# Environments: for_each makes a block once for each key of a map, or of toset(["staging", "prod"]), with each.key and each.value in every
# attribute and block of it, and dir, the stack's directory. Names end with the key (roots-wiki-prod) unless name says otherwise (prod-roots-wiki).
# Each needs a state of its own: workspace = each.key, or a backend_config that tells them apart. Values that are used more than once are locals, everywhere in the
# configuration. dir may stand in stack, stacks and defaults blocks, but not in hooks, in terraform, or in what a secret is called, of a glob.
# locals {
#   sizes = { staging = { size = "small", people = 1 }, prod = { size = "large", people = 2 } }
# }
# stacks "roots/*" {
#   for_each       = local.sizes
#   var_files      = ["${each.key}.tfvars"]
#   vars           = { size = each.value.size }
#   backend_config = { key = "${dir}/${each.key}.tfstate" }
#   approvals      = each.value.people
#   name           = "${each.key}-${dir}"
# }

# ---------------------------------------------------------------------------------------------------------------------
# An image is a Packer template, built when it changes and people approve. Every file of dir, the var files and the watch
# globs are part of it, and nothing else of the repository can get in. Its runs are told, approved and shown like a stack's:
# approvals, approvers, plan_ttl, apply_alert, channel and the like stand here too.

# image "node" {
#   dir       = "images/node"             # relative to the repository's root
#   template  = "node.pkr.hcl"            # or a .json; "." (the default) is all *.pkr.hcl of dir
#   var_files = ["prod.pkrvars.hcl"]      # relative to dir
#   vars      = { base = "ami-0123456789abcdef0" }
#   env       = { AWS_REGION = "us-east-1" }
#   watch     = ["scripts/**"]            # relative to the repository's root
#   schedule  = "@weekly"                 # asks to build it again though nothing changed
# }

# packer {
#   binary   = "/usr/bin/packer"          # without it the packer in PATH is used
#   parallel = 2                          # builds at a time; they do not count for terraform.parallel
# }

# ---------------------------------------------------------------------------------------------------------------------

terraform {
  # Without version and binary the terraform in PATH is used.
  # version = "1.11.4"                    # installed and verified when the agent starts
  # binary  = "/usr/bin/terraform"
  parallel  = 2 # terraform processes at a time
  # engine  = "tofu"                      # OpenTofu, from PATH or binary
  # provider_mirror = "/srv/terraform/providers" # a directory, or an https URL: all providers come from there

  # Terraform and all that it runs, as other users than the agent's, who can read neither the store nor the secrets and decide
  # nothing: sallyport-tf1, sallyport-tf2, ... as far as they exist (install.sh makes eight), one for each run at work, and never
  # more runs than users. HOME is an empty directory of each run's then.
  user = "sallyport-tf"

  # cli_config_file = "/etc/sallyport/terraform.rc"
}

# ---------------------------------------------------------------------------------------------------------------------
# Where people are asked. Without this block notices go to the log and the command line decides.

slack {
  token   = credential("slack-bot-token") # xoxb-..., of an app made from slack-manifest.yaml
  channel = "C0123456789"                 # EDIT; the id, or "#name"; invite the bot

  # EDIT: who may approve. Ids of users and of user groups, or e-mails, which are resolved to ids once and kept.
  approvers = ["U01ABCDEF"]

  poll = "5s" # at its fastest; slower while nothing waits

  # Buttons, and replies that are read at once, over a websocket that this machine opens: of an app made from slack-manifest-buttons.yaml.
  # app_token = credential("slack-app-token") # xapp-..., with connections:write

  # One message sums up what waits, what drifted and which stacks are behind since when. A quiet day says nothing.
  # daily = "CRON_TZ=Europe/Paris 0 9 * * 1-5"
}

# A backup that leaves this machine: the store, the states that the agent keeps, copies of states. It holds secrets in clear,
# as states do. The command gets it as its standard input and its path in SALLYPORT_BACKUP; a list is run as it is, a string
# by a shell. `sallyport restore FILE` brings it back; `sallyport status` tells how old the last one is.
# backup {
#   schedule = "@daily"
#   command  = ["aws", "s3", "cp", "-", "s3://example-backups/sallyport.backup"]
#   env      = { AWS_REGION = "us-east-1" }
#   # command = "age -r age1... | aws s3 cp - s3://example-backups/sallyport-$(date +%F).age"
# }

# Commands around every plan and apply; a hooks block in a stack adds its own, which run after these. They get the run as JSON
# on stdin and SALLYPORT_* variables (after_plan: SALLYPORT_PLAN_JSON, a file with secrets that is there only meanwhile), and run
# in the run's directory as the agent's user. What they print stands on the run's card and in the pull request's comment, cleaned,
# without the secrets of this file, and cut: so print no values. A line "sallyport: snapshot=snap-1" is a fact there.
# Exit code 0 is a note. 2 of after_plan is a warning: the card leads with it, and no auto_apply passes it. Anything else, a time
# limit, and 2 of before_plan and before_apply ends the run with what was printed. These three run again after a crash; after_apply
# never runs twice, and only warns. configs/examples/hooks has policies (conftest), misconfigurations (Trivy), costs (Infracost).
# hooks {
#   after_plan   = ["/usr/local/bin/check-policy"]
#   before_apply = ["/usr/local/bin/snapshot", "--wait"]
#   env          = { AWS_REGION = "us-east-1" }
#   timeout      = "5m"
# }

# Who else is told, once of each run: when its plan waits for people, a plan or an apply failed, nobody saw the end of an apply, something
# drifted, or a run that somebody waits for cannot go on. One JSON object is posted to a url, or is the standard input of a command, again
# and again until it is taken; nothing that comes back decides anything. examples/notify says what is in it, and has a pager, a chat and a mail.
# notify "pager" {
#   events  = ["waiting", "errored", "interrupted", "drift", "blocked"]
#   stacks  = ["prod-*"] # without it, every stack
#   url     = "https://alerts.example.com/hooks/sallyport" # or credential("pager-url"), where the address itself is a secret
#   headers = { Authorization = credential("pager-token") }
#   timeout = "10s" # of one try
# }
# notify "mail" {
#   events  = ["waiting", "errored", "interrupted"]
#   command = ["/usr/local/bin/sallyport-mail"] # in the place of a url: run as it is, by the agent's user
#   env     = { MAILTO = "ops@example.com" }
# }

# Pages to read in a browser, through ssh: `sallyport web` prints how. They decide nothing. Whoever can open the socket (as that of the
# command line: root and the group) may look; nothing listens on a port.
# web {
#   socket = "/run/sallyport/web.sock" # default
# }

# Figures for Prometheus. 127.0.0.1:9746/metrics, /healthz and /readyz are for this machine alone (or ssh -L); an address that others reach
# needs allow_remote. A textfile is read by node_exporter (--collector.textfile.directory), and nothing listens; the agent must be able to
# write its directory, and the unit needs ReadWritePaths= for it. configs/prometheus has alerts and a dashboard.
# metrics {
#   listen       = "127.0.0.1:9746"
#   textfile     = "/var/lib/node_exporter/sallyport.prom"
#   allow_remote = false
# }

# A dead man's switch: this address is asked for once a minute as long as the agent looks at everything and can write down what it does.
# The service behind it calls people when that ends. It may come from credential("ping-url"): whoever knows it can say that all is well.
# ping_url = "https://ping.example.com/1b2c3d"

# How long what has ended is kept. Whatever these say, the newest twenty runs of each stack stay, and what is applied.
# retention {
#   runs    = 10000   # so many runs at most
#   age     = "2160h" # runs that ended longer ago go, with their plans and logs
#   history = "8760h" # who did what when
# }

# Who is the same human in Slack, on GitHub and on this machine. os is the name that they log in with: who then becomes root (sudo)
# stays themselves; with any other account they are nobody. A vote on the command line that no block ties to anybody counts as one of somebody who
# has voted already, and so does each without a login uid (services). Where nobody on the machine has one (containers), the account has to do; check warns.
# person "jane" {
#   slack  = "U01ABCDEF"
#   github = "jane-doe"
#   os     = "jane"
# }
