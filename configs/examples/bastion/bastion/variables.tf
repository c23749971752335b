variable "name" {
  description = "Name of the bastion, in tags, roles and alarms."
  type        = string
}

variable "region" {
  description = "Region of everything here."
  type        = string
}

variable "ami_id" {
  description = "Image of the node: Amazon Linux 2023, which has cloud-init, the AWS command line and the agent of Session Manager."
  type        = string
}

variable "subnet_id" {
  description = "Private subnet with a way out; its availability zone is the volume's too."
  type        = string
}

variable "instance_type" {
  description = "Size of the node. Terraform's providers want memory, the agent itself does not."
  type        = string
  default     = "t3.medium"
}

variable "data_volume_size" {
  description = "Size of the volume of /var/lib/sallyport in GiB."
  type        = number
  default     = 20
}

variable "data_snapshot_id" {
  description = "Snapshot that the volume is made from; null for an empty one. Another value makes the volume anew."
  type        = string
  default     = null
}

variable "release" {
  description = "Archive of a release for Linux, as .ci/release makes it, and the SHA-256 of it in hex."
  type = object({
    bucket = string
    key    = string
    sha256 = string
  })

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.release.sha256))
    error_message = "The digest has 64 hexadecimal digits."
  }
}

variable "credentials_path" {
  description = "Parameters below this path become the credentials of the agent, by the last part of their names."
  type        = string
  default     = "/sallyport/credentials"
}

variable "terraform_roles" {
  description = "Roles that the agent's terraform may take on: one that plans, one that applies."
  type        = list(string)
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to."
  type        = string
}
