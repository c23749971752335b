# Over prod.tfvars, for a trial beside the real service: see README.md. The name is in every name that must not be there twice.
name           = "code-host-trial"
private_ip     = "10.20.0.11" # EDIT: free in the same subnet
instance_type  = "m7i.large"
final_snapshot = false # the data is a copy
