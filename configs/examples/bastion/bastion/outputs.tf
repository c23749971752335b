output "role_arn" {
  description = "What the roles that plan and apply have to trust."
  value       = aws_iam_role.bastion.arn
}

output "data_volume_id" {
  description = "The volume that outlives the node."
  value       = aws_ebs_volume.data.id
}
