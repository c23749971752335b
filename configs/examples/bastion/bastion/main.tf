# The agent's own node. A group of one makes it anew without anybody's help, and what the agent knows is on a volume of its own
# that the next node takes over. Nothing can connect to it: there is no rule that lets anybody in.

data "aws_subnet" "this" {
  id = var.subnet_id
}

resource "aws_security_group" "bastion" {
  name_prefix = "${var.name}-"
  description = "Out only."
  vpc_id      = data.aws_subnet.this.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.bastion.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_ebs_volume" "data" {
  availability_zone = data.aws_subnet.this.availability_zone
  snapshot_id       = var.data_snapshot_id
  size              = var.data_volume_size
  type              = "gp3"
  encrypted         = true
  final_snapshot    = true

  tags = {
    Name   = "${var.name}-data"
    Backup = var.name
  }
}

resource "aws_launch_template" "bastion" {
  name_prefix   = "${var.name}-"
  image_id      = var.ami_id
  instance_type = var.instance_type

  # Everything that differs between installations is set here; boot.sh is the same for all.
  user_data = base64encode(join("\n", [
    "#!/bin/bash",
    "export AWS_DEFAULT_REGION=${var.region}",
    "export VOLUME=${aws_ebs_volume.data.id}",
    "export RELEASE=s3://${var.release.bucket}/${var.release.key}",
    "export RELEASE_SHA256=${var.release.sha256}",
    "export CREDENTIALS_PATH=${var.credentials_path}",
    "export CONFIG=${base64encode(file("${path.module}/../sallyport.hcl"))}",
    file("${path.module}/boot.sh"),
  ]))

  vpc_security_group_ids = [aws_security_group.bastion.id]

  iam_instance_profile {
    arn = aws_iam_instance_profile.bastion.arn
  }

  # One hop: what runs in a container or behind a proxy on the node does not get at the role.
  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type = "gp3"
      volume_size = 20
      encrypted   = true
    }
  }

  tag_specifications {
    resource_type = "instance"

    tags = {
      Name    = var.name
      Service = var.name
    }
  }
}

# No instance_refresh: a new template is taken up by the next node, and nobody ends an apply that is running. To take it up at
# once, terminate the node when `sallyport status` says that nothing is applying.
resource "aws_autoscaling_group" "bastion" {
  name                      = var.name
  min_size                  = 1
  max_size                  = 1
  desired_capacity          = 1
  vpc_zone_identifier       = [var.subnet_id]
  health_check_type         = "EC2"
  health_check_grace_period = 600
  metrics_granularity       = "1Minute"
  enabled_metrics           = ["GroupInServiceInstances"]

  launch_template {
    id      = aws_launch_template.bastion.id
    version = aws_launch_template.bastion.latest_version
  }

  # The volume can be in one place at a time.
  instance_maintenance_policy {
    min_healthy_percentage = 0
    max_healthy_percentage = 100
  }

  tag {
    key                 = "Name"
    value               = var.name
    propagate_at_launch = true
  }
}

resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${var.name}-silent"
  alarm_description   = "No node of ${var.name} is in service."
  namespace           = "AWS/AutoScaling"
  metric_name         = "GroupInServiceInstances"
  statistic           = "Minimum"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 15
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]

  dimensions = {
    AutoScalingGroupName = aws_autoscaling_group.bastion.name
  }
}
