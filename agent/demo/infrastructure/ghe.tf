# A code-hosting node with a fixed private address, and a data volume of its own, so that losing the node does not lose
# the data. Built-in resources and a directory stand for the cloud: no account, no network.

terraform {
  required_version = ">= 1.5" # for plantimestamp
}

variable "cloud" {
  description = "The directory that stands for the cloud."
  type        = string
}

locals {
  # Built-in resources know no drift, so this condition notices that the node is gone: its file is missing.
  running_since = try(trimspace(file("${var.cloud}/ghe_node")), plantimestamp())
}

resource "terraform_data" "ghe_vol" {
  input = { size_gb = 200 }

  provisioner "local-exec" {
    command     = "echo 'file system: made' > \"$CLOUD/ghe_vol\""
    environment = { CLOUD = var.cloud }
  }
}

resource "terraform_data" "ghe_node" {
  input            = { node_type = "m5.large", private_ip = "10.0.0.5" }
  triggers_replace = { running_since = local.running_since }

  provisioner "local-exec" {
    command     = "echo \"$SINCE\" > \"$CLOUD/ghe_node\""
    environment = { CLOUD = var.cloud, SINCE = self.triggers_replace.running_since }
  }
}

resource "terraform_data" "ghe_attachment" {
  input            = { device = "/dev/xvdf", volume = terraform_data.ghe_vol.id }
  triggers_replace = { node = terraform_data.ghe_node.id }
}

output "ghe_address" {
  value = terraform_data.ghe_node.output.private_ip
}
