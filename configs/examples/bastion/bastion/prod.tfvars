name      = "bastion"
region    = "us-east-1"
ami_id    = "ami-0123456789abcdef0"
subnet_id = "subnet-0123456789abcdef0"

release = {
  bucket = "example-releases"
  key    = "sallyport/sallyport.tar.gz"
  sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
}

terraform_roles = [
  "arn:aws:iam::123456789012:role/sallyport-apply",
  "arn:aws:iam::123456789012:role/sallyport-plan",
]

alarm_topic_arn = "arn:aws:sns:us-east-1:123456789012:on-call"
