# Policies for terraform's plans, to begin with. Conftest reads every rule named deny or warn of package main.
package main

import rego.v1

# What a plan does to one resource, without reading it.
changed contains change if {
	some change in input.resource_changes
	change.mode == "managed"
	change.change.actions != ["no-op"]
}

# Nothing that holds data is destroyed by a commit alone.
deny contains msg if {
	some change in changed
	"delete" in change.change.actions
	change.type in {"aws_ebs_volume", "aws_db_instance", "aws_s3_bucket"}
	msg := sprintf("%s would be destroyed", [change.address])
}

# A port that is open to the whole world is worth a second look.
warn contains msg if {
	some change in changed
	change.type == "aws_vpc_security_group_ingress_rule"
	change.change.after.cidr_ipv4 == "0.0.0.0/0"
	msg := sprintf("%s is open to the whole world", [change.address])
}
