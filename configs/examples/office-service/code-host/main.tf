# One node that can be lost at any time: what matters is on a volume of its own, and the address never changes.

data "aws_subnet" "this" {
  id = var.subnet_id
}

resource "aws_security_group" "code_host" {
  name_prefix = "${var.name}-"
  description = "Git over https and ssh for the office."
  vpc_id      = data.aws_subnet.this.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = {
    for pair in setproduct(var.client_cidrs, [22, 443]) : "${pair[0]}-${pair[1]}" => { cidr = pair[0], port = pair[1] }
  }

  security_group_id = aws_security_group.code_host.id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.code_host.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_instance" "code_host" {
  ami                    = var.ami_id
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  private_ip             = var.private_ip
  vpc_security_group_ids = [aws_security_group.code_host.id]
  iam_instance_profile   = var.instance_profile

  # The image waits for the volume with this label and mounts it; see images/code-host/setup.sh.
  user_data_replace_on_change = true
  user_data                   = <<-TEXT
    #!/bin/sh
    exec /usr/local/sbin/mount-data ${aws_ebs_volume.data.id}
  TEXT

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 40
    encrypted   = true
  }

  tags = {
    Name = var.name
  }
}

# protect in sallyport.hcl names it: an approval that destroys or replaces it has to name it as well. Its last content goes
# into a snapshot of its own before that.
resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_subnet.this.availability_zone
  snapshot_id       = var.data_snapshot_id
  size              = var.data_volume_size
  type              = "gp3"
  encrypted         = true
  final_snapshot    = var.final_snapshot

  tags = {
    Name   = "${var.name}-data"
    Backup = var.name
  }
}

resource "aws_volume_attachment" "data" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.data.id
  instance_id = aws_instance.code_host.id

  # A volume that is pulled from under a running database is what one does not want to make a snapshot of.
  stop_instance_before_detaching = true
}

resource "aws_dlm_lifecycle_policy" "data" {
  description        = "Daily snapshots of the data of ${var.name}"
  execution_role_arn = var.snapshot_role_arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]

    target_tags = {
      Backup = var.name
    }

    schedule {
      name      = "daily"
      copy_tags = true

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["03:00"]
      }

      retain_rule {
        count = 30
      }
    }
  }
}
