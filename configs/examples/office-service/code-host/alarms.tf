locals {
  # Hardware that fails is left by AWS itself: the instance comes up on other hardware, with its address and volumes. Nothing
  # that Terraform knows changes by that.
  recover = "arn:aws:automate:${var.region}:ec2:recover"
  reboot  = "arn:aws:automate:${var.region}:ec2:reboot"
}

resource "aws_cloudwatch_metric_alarm" "system" {
  alarm_name          = "${var.name}-system"
  alarm_description   = "The hardware of ${var.name} fails; AWS moves the node."
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_System"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 2
  alarm_actions       = [local.recover, var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]

  dimensions = {
    InstanceId = aws_instance.code_host.id
  }
}

resource "aws_cloudwatch_metric_alarm" "instance" {
  alarm_name          = "${var.name}-instance"
  alarm_description   = "${var.name} does not answer its own checks; AWS reboots it. If that does not help: sallyport plan code-host --replace aws_instance.code_host"
  namespace           = "AWS/EC2"
  metric_name         = "StatusCheckFailed_Instance"
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 5
  alarm_actions       = [local.reboot, var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]

  dimensions = {
    InstanceId = aws_instance.code_host.id
  }
}

# A node that was terminated reports nothing any more.
resource "aws_cloudwatch_metric_alarm" "gone" {
  alarm_name          = "${var.name}-gone"
  alarm_description   = "${var.name} is gone: sallyport recover code-host"
  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  statistic           = "SampleCount"
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  period              = 300
  evaluation_periods  = 2
  treat_missing_data  = "breaching"
  alarm_actions       = [var.alarm_topic_arn]
  ok_actions          = [var.alarm_topic_arn]

  dimensions = {
    InstanceId = aws_instance.code_host.id
  }
}
