# The configuration of the agent on this node. It is part of the stack "bastion", so a change of it is a commit like any other: it
# is planned and approved, and the next node starts with it.

repository "infrastructure" {
  url    = "https://code.office.example.com/ops/infrastructure.git" # EDIT
  branch = "main"
  token  = credential("git-token")
}

# Its own node, by the same rules as any other stack. A new launch template ends no node: the next one starts with it. To have
# that at once, terminate the node while `sallyport status` says that nothing is applying.
stack "bastion" {
  dir       = "bastion"
  label     = "BASTION"
  var_files = ["prod.tfvars"]
  watch     = ["sallyport.hcl"]
  protect   = ["aws_ebs_volume.*"]

  backend_config = {
    bucket = "example-terraform-state" # EDIT
    key    = "bastion/terraform.tfstate"
    region = "us-east-1"
  }

  aws {
    role_arn      = "arn:aws:iam::123456789012:role/sallyport-apply" # EDIT
    plan_role_arn = "arn:aws:iam::123456789012:role/sallyport-plan"
    region        = "us-east-1"
  }
}

terraform {
  version = "1.11.4"
  user    = "sallyport-tf"
}

slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"  # EDIT
  approvers = ["S01OPSTEAM"] # EDIT
}
