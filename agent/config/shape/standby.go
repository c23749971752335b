package shape

import (
	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
)

// Standby is the shape of the standby block.
func Standby() decode.Shape {
	return decode.Shape{
		Text: "several agents on different machines that share one life through etcd: one leads, the others take over when it dies",
		Attributes: []decode.Attribute{
			{Name: "name", Type: decode.String, Example: `"bastion-a"`, Missing: "the host's name",
				Text: "of this agent among them: letters, digits, dots and dashes; no two have the same"},
			{Name: "lease", Type: decode.Duration, Least: `"2s"`, Most: `"60s"`, Default: `"5s"`, Example: `"10s"`,
				Text: "in whole seconds: after so long without a sign of life of the one that leads another takes over; the same for all of them"},
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "etcd"}},
	}
}

// Etcd is the shape of the etcd block in it.
func Etcd() decode.Shape {
	return decode.Shape{Text: "the etcd cluster in which they agree", Attributes: []decode.Attribute{
		{Name: "endpoints", Required: true, Type: decode.List, Example: `["https://10.0.1.5:2379", "https://10.0.2.5:2379", "https://10.0.3.5:2379"]`,
			Text: "addresses of its members, all of them; http:// only to this machine itself"},
		{Name: "prefix", Type: decode.String, Default: `"/sallyport"`, Example: `"/sallyport/infra"`,
			Text: "of all keys; agents with the same prefix share one life, and those of another repository need another one"},
		{Name: "ca_file", Type: decode.File, Example: `"/etc/sallyport/etcd-ca.pem"`, Missing: "the authorities that the machine trusts",
			Text: "certificates in PEM form of a private authority"},
		{Name: "cert_file", Type: decode.File, Example: `"/etc/sallyport/etcd-client.pem"`, Missing: "none is shown",
			Text: "the certificate in PEM form that this agent shows; goes with key_file"},
		{Name: "key_file", Type: decode.File, Example: `"/etc/sallyport/etcd-client-key.pem"`, Text: "its private key, which only the agent's user may read"},
		{Name: "username", Type: decode.String, Example: `"sallyport"`, Missing: "nobody logs in", Text: "a user of etcd; goes with password"},
		{Name: "password", Type: decode.Secret, Example: `credential("etcd-password")`, Text: "of that user"},
	}}
}
