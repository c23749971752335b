# The instance's role instead of keys. It may read the release and the credentials, take the volume, and become the roles that
# plan and apply; those trust this role and carry the permissions.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  partition = data.aws_partition.this.partition
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "bastion" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_instance_profile" "bastion" {
  name = var.name
  role = aws_iam_role.bastion.name
}

data "aws_iam_policy_document" "bastion" {
  statement {
    sid       = "Release"
    actions   = ["s3:GetObject"]
    resources = ["arn:${local.partition}:s3:::${var.release.bucket}/${var.release.key}"]
  }

  statement {
    sid       = "Credentials"
    actions   = ["ssm:GetParametersByPath"]
    resources = ["arn:${local.partition}:ssm:${var.region}:${local.account}:parameter${var.credentials_path}"]
  }

  statement {
    sid       = "FindVolume"
    actions   = ["ec2:DescribeVolumes"]
    resources = ["*"]
  }

  statement {
    sid     = "TakeVolume"
    actions = ["ec2:AttachVolume"]
    resources = [
      aws_ebs_volume.data.arn,
      "arn:${local.partition}:ec2:${var.region}:${local.account}:instance/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/Service"
      values   = [var.name]
    }
  }

  statement {
    sid       = "Roles"
    actions   = ["sts:AssumeRole"]
    resources = var.terraform_roles
  }
}

resource "aws_iam_role_policy" "bastion" {
  name   = "bastion"
  role   = aws_iam_role.bastion.id
  policy = data.aws_iam_policy_document.bastion.json
}

# Shells without a port: aws ssm start-session --target INSTANCE.
resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.bastion.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}
