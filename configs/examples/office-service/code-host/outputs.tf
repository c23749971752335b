output "private_ip" {
  description = "Where the service answers."
  value       = aws_instance.code_host.private_ip
}

output "instance_id" {
  description = "The node of today."
  value       = aws_instance.code_host.id
}

output "data_volume_id" {
  description = "The volume that outlives it."
  value       = aws_ebs_volume.data.id
}
