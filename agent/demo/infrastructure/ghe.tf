# A code-hosting node with a fixed private address, and a data volume of its own, so that losing the node does not lose
# the data.

terraform {
  required_providers {
    cloud = { source = "sallyport.invalid/demo/cloud" } # a stand-in, built into sallyport
  }
}

resource "cloud_volume" "ghe_vol" {
  size      = "200 GB"
  encrypted = "no"
}

resource "cloud_node" "ghe_node" {
  type       = "m5.large"
  private_ip = "10.0.0.5"
}

resource "cloud_attachment" "ghe" {
  node   = cloud_node.ghe_node.id
  volume = cloud_volume.ghe_vol.id
}

output "ghe_address" {
  value = cloud_node.ghe_node.private_ip
}
