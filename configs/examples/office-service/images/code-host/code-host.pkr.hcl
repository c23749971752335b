# The image of the node: the program and nothing that belongs to one installation. Sallyport builds it when something in this
# directory changes and somebody approves, and plans the stack code-host with the new id.

variable "region" {
  type    = string
  default = "us-east-1"
}

variable "subnet_id" {
  type    = string
  default = ""
}

locals {
  stamp = formatdate("YYYYMMDD-hhmmss", timestamp())
}

source "amazon-ebs" "code_host" {
  region                      = var.region
  subnet_id                   = var.subnet_id
  instance_type               = "m7i.large"
  ami_name                    = "code-host-${local.stamp}"
  ssh_username                = "admin"
  associate_public_ip_address = false
  ssh_interface               = "private_ip"

  source_ami_filter {
    owners      = ["136693071363"] # Debian
    most_recent = true

    filters = {
      name                = "debian-12-amd64-*"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }

  launch_block_device_mappings {
    device_name           = "/dev/xvda"
    volume_type           = "gp3"
    volume_size           = 40
    encrypted             = true
    delete_on_termination = true
  }

  tags = {
    Name    = "code-host-${local.stamp}"
    Service = "code-host"
  }
}

build {
  sources = ["source.amazon-ebs.code_host"]

  provisioner "shell" {
    execute_command = "sudo sh -eux {{ .Path }}"
    script          = "setup.sh"
  }

  post-processor "manifest" {
    output = "manifest.json"
  }
}
