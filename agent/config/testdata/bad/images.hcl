repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "ghe" {
  dir    = "ghe"
  vars   = { ami_id = "ami-1" }
  images = { ami_id = "node", "no name" = "ghe-node:amazon-ebs", other = "ghe" }
}

image "ghe-node" {
  dir      = "images/node"
  template = "../node.json"
  protect  = ["x"]
  schedule = "sometimes"
}

image "ghe" {
  dir      = "images/ghe"
  template = "node.yaml"
}

packer {
  binary = "packer"
}
