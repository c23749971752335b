name         = "code-host"
region       = "us-east-1"
subnet_id    = "subnet-0123456789abcdef0"
private_ip   = "10.20.0.10"
client_cidrs = ["10.0.0.0/8"]

snapshot_role_arn = "arn:aws:iam::123456789012:role/service-role/AWSDataLifecycleManagerDefaultRole"
alarm_topic_arn   = "arn:aws:sns:us-east-1:123456789012:on-call"

# Back to an older snapshot: its id, in a commit of its own. It stays here afterwards; null would make the volume anew, empty.
data_snapshot_id = null
