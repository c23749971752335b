# What the agent on the bastion needs to know of this repository; see configs/sallyport.hcl for everything else.

repository "infrastructure" {
  # The repository lives on the node that it describes. With the node gone the agent plans from its own mirror.
  url    = "https://code.office.example.com/ops/infrastructure.git" # EDIT
  branch = "main"
  token  = credential("git-token")
}

image "code-host-image" {
  dir   = "images/code-host"
  label = "IMAGE"
}

stack "code-host" {
  dir       = "code-host"
  label     = "PROD"
  var_files = ["prod.tfvars"]
  images    = { ami_id = "code-host-image" }

  backend_config = {
    bucket = "example-terraform-state" # EDIT
    key    = "code-host/terraform.tfstate"
    region = "us-east-1"
  }

  # The instance's own role may take on these two and nothing else. EDIT
  aws {
    role_arn      = "arn:aws:iam::123456789012:role/sallyport-apply"
    plan_role_arn = "arn:aws:iam::123456789012:role/sallyport-plan"
    region        = "us-east-1"
  }

  # Before an apply that touches the node or its volume: a snapshot of the volume, whole, or nothing is applied. The tag Name of the
  # volume, then the addresses. The machine's own copy of hooks/snapshot-volume.sh, see README.md.
  hooks {
    before_apply = [
      "/etc/sallyport/hooks/snapshot-volume", "code-host-data",
      "aws_instance.code_host", "aws_ebs_volume.data", "aws_volume_attachment.data",
    ]
    env     = { AWS_DEFAULT_REGION = "us-east-1" }
    timeout = "60m"
  }

  protect = ["aws_ebs_volume.*"]
  mention = ["S01OPSTEAM"] # EDIT
}

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"  # EDIT
  approvers = ["S01OPSTEAM"] # EDIT
}
