repository "infra" {
  url = "file:///srv/git/infra.git"
}

stack "Network_EU.v2" {
  dir = "network"
}

stack "network_eu.v2" {
  dir = "other"
}

image "NETWORK_EU.V2" {
  dir = "images/network"
}

stack "a b" {
  dir = "a"
}
