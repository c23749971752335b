variable "name" {
  description = "Name of the service, in tags and alarms."
  type        = string
}

variable "region" {
  description = "Region of everything here."
  type        = string
}

variable "ami_id" {
  description = "Image of the node. Sallyport passes the newest one that was built from images/code-host."
  type        = string
}

variable "subnet_id" {
  description = "Private subnet of the node; its availability zone is the volume's too."
  type        = string
}

variable "private_ip" {
  description = "Address of the node in that subnet. It stays the same however often the node is made anew."
  type        = string
}

variable "client_cidrs" {
  description = "Who may use the service."
  type        = list(string)
}

variable "instance_type" {
  description = "Size of the node."
  type        = string
  default     = "m7i.xlarge"
}

variable "instance_profile" {
  description = "Instance profile of the node; null for none."
  type        = string
  default     = null
}

variable "data_volume_size" {
  description = "Size of the data volume in GiB."
  type        = number
  default     = 200
}

variable "data_snapshot_id" {
  description = "Snapshot that the data volume is made from; null for an empty one. Another value makes the volume anew."
  type        = string
  default     = null

  validation {
    condition     = var.data_snapshot_id == null || can(regex("^snap-[0-9a-f]{8,17}$", var.data_snapshot_id))
    error_message = "A snapshot's id looks like snap-0123456789abcdef0."
  }
}

variable "final_snapshot" {
  description = "Whether what the data volume holds goes into a snapshot before the volume is destroyed."
  type        = bool
  default     = true
}

variable "snapshot_role_arn" {
  description = "Role with which the lifecycle manager takes the daily snapshots."
  type        = string
}

variable "alarm_topic_arn" {
  description = "SNS topic that alarms go to."
  type        = string
}
