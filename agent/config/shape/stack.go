package shape

import (
	"cmp"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
)

// Stack is the shape of stack blocks; those of stacks and defaults blocks are made of it.
func Stack() decode.Shape {
	s := decode.Shape{
		Text:   "one directory with Terraform files, plus a workspace",
		Blocks: []hcl.BlockHeaderSchema{{Type: "hooks"}, {Type: "terraform"}, {Type: "aws"}},
	}
	s.Attributes = append(s.Attributes, planned()...)
	s.Attributes = append(s.Attributes, decided()...)
	s.Attributes = append(s.Attributes, told()...)
	return s
}

// planned are the attributes that say what is planned, and with what.
func planned() []decode.Attribute {
	return []decode.Attribute{
		{Name: "dir", Required: true, Type: decode.String, Example: `"ghe"`, Text: "relative to the repository's root"},
		{Name: "for_each", Type: decode.Elements, Example: `{ staging = { size = 1 }, prod = { size = 3 } }`,
			Text: "makes the block once for each key, with each.key and each.value in every attribute and block of it; each needs a workspace or backend_config of its own"},
		{Name: "name", Type: decode.String, Example: `"${each.key}-${dir}"`, Missing: "the block's name, or the directory, then a dash and the key",
			Text: "of each stack of a for_each, or of a stacks block; what a name cannot hold becomes a dash"},
		{Name: "repository", Type: decode.String, Example: `"infra"`, Missing: "the only one", Text: "whose directory it is; needed if there are several"},
		{Name: "workspace", Type: decode.String, Default: `"default"`, Example: `"prod"`, Text: "of Terraform"},
		{Name: "var_files", Type: decode.List, Example: `["prod.tfvars"]`, Text: "relative to dir"},
		{Name: "vars", Type: decode.Values, Example: `{ region = "us-east-1", sizes = [1, 2] }`, Text: "variables of Terraform and their values"},
		{Name: "images", Type: decode.Map, Example: `{ ami_id = "node" }`, Text: "variables that are the ids of built images: variable to image, or image:builder"},
		{Name: "watch", Type: decode.Globs, Example: `["policies/**"]`, Text: "what else makes a plan when it changes"},
		{Name: "env", Type: decode.SecretMap, Example: `{ AWS_REGION = "us-east-1" }`, Text: "the environment of terraform, which is built from nothing"},
		{Name: "plan_env", Type: decode.SecretMap, Example: `{ AWS_PROFILE = "plan" }`, Text: "what plans get beside env"},
		{Name: "apply_env", Type: decode.SecretMap, Example: `{ AWS_PROFILE = "apply" }`, Text: "what applies get beside env"},
		{Name: "backend_config", Type: decode.SecretMap, Example: `{ bucket = "example-terraform-state" }`, Text: "arguments of the backend"},
		{Name: "depends_on", Type: decode.List, Example: `["network"]`, Text: "stacks of the same repository after which this one is planned, and again when an apply changed one"},
	}
}

// decided are the attributes that say who decides what, and for how long.
func decided() []decode.Attribute {
	return []decode.Attribute{
		{Name: "approvals", Type: decode.Number, Unit: "people", Least: "1", Most: "1000", Default: "1", Example: "2", Text: "how many different people must approve"},
		{Name: "approvers", Type: decode.List, Example: `["U01ABCDEF"]`, Missing: "those of the slack block", Text: "ids of users and user groups, or e-mails"},
		{Name: "allow_self_approval", Type: decode.Boolean, Default: "true", Example: "false", Text: "false: not by those whose change it is; needs person blocks"},
		{Name: "break_glass", Type: decode.List, Example: `["jane"]`, Missing: "nobody", Text: "person blocks, or users of this machine, who may approve alone in an emergency"},
		{Name: "plan_ttl", Type: decode.Duration, Default: `"24h"`, Example: `"12h"`, Text: "after which a plan that nobody decided on expires"},
		{Name: "plan_timeout", Type: decode.Duration, Default: `"30m"`, Example: `"1h"`, Text: "how long a plan may take"},
		{Name: "lock_timeout", Type: decode.Duration, Default: `"1m"`, Example: `"30s"`, Text: "how long terraform waits for the state lock"},
		{Name: "apply_alert", Type: decode.Duration, Missing: "whatever is longer, 15 minutes or three times the longest of the last five", Example: `"1h"`, Text: "after which people are told that an apply goes on; it has no limit"},
		// Shorter, and it would be over again before the apply.
		{Name: "verify_after", Type: decode.Duration, Least: `"1m"`, Missing: "never", Example: `"1h"`, Text: "an approved plan that is older is made again before its apply"},
		{Name: "apply_window", Type: decode.Objects, Missing: "always", Example: `{ schedule = "CRON_TZ=Europe/Paris 0 9 * * 1-4", duration = "8h" }`,
			Text: "when plans may be applied: from each time of a schedule on, for a duration"},
		{Name: "freeze", Type: decode.Objects, Missing: "never", Example: `[{ from = "2026-12-19", to = "2027-01-03", zone = "Europe/Paris", reason = "holidays" }]`,
			Text: "when none may be applied: days, or minutes like 2026-12-19 18:00"},
		{Name: "protect", Type: decode.List, Example: `["aws_ebs_volume.*"]`,
			Text: "patterns of addresses that an approval must name before they are destroyed, replaced or made again; * stands for any characters"},
		{Name: "replaceable", Type: decode.List, Example: `["aws_instance.*"]`, Text: "patterns of addresses whose replacement a plain approve covers"},
		{Name: "max_destroy", Type: decode.Number, Unit: "objects", Least: "0", Most: "100000", Missing: "any number is asked about", Example: "5", Text: "a plan that destroys or replaces more is refused outright"},
		{Name: "auto_apply", Type: decode.Choice, Choices: []string{"never", "recreate", "no_destroy", "always"}, Default: `"never"`, Example: `"recreate"`,
			Text: "which plans apply by themselves; recreate: what brings back what disappeared"},
		// What vanishes a fourth time in a day has a cause that somebody has to look at.
		{Name: "auto_apply_limit", Type: decode.Number, Unit: "applies a day", Least: "1", Most: "1000", Default: "3", Example: "5", Text: "how often that happens at most"},
		{Name: "recreate_also", Type: decode.List, Example: `["aws_volume_attachment"]`, Text: "resource types that recreate may replace when a recreated object is the only cause"},
		{Name: "drift", Type: decode.Schedule, Missing: "never", Example: `"@hourly"`, Text: "when it is looked at whether all is as it was applied"},
		{Name: "mode", Type: decode.Choice, Choices: []string{"normal", "observe"}, Default: `"normal"`, Example: `"observe"`, Text: "observe: plan and show, never ask"},
	}
}

// told are the attributes that say where and how runs are told.
func told() []decode.Attribute {
	return []decode.Attribute{
		{Name: "mention", Type: decode.List, Example: `["S01OPSTEAM"]`, Text: "ids of users and user groups that are named when a person is needed"},
		{Name: "channel", Type: decode.String, Example: `"#network"`, Missing: "that of the slack block", Text: "where its runs are told: an id, or #name"},
		{Name: "label", Type: decode.String, Example: `"PROD"`, Text: "shown first in every message; 20 characters at most"},
		{Name: "plan_in_slack", Type: decode.Choice, Choices: []string{"full", "addresses", "none"}, Default: `"full"`, Example: `"addresses"`, Text: "how much of a plan Slack gets"},
	}
}

// Stacks is the shape of stacks blocks.
func Stacks() decode.Shape {
	s := Stack()
	s.Text = "a stack for each directory with Terraform files that matches the glob"
	s.Attributes = append(s.Attributes, decode.Attribute{Name: "exclude", Type: decode.Globs, Example: `["services/old-*", "**/examples/**"]`, Text: "directories that make no stack"})
	return s
}

// Image is the shape of an image block.
func Image() decode.Shape {
	s := decode.Shape{Text: "a Packer template, which is built when it changes and people approve", Attributes: []decode.Attribute{
		{Name: "dir", Required: true, Type: decode.String, Example: `"images/node"`, Text: "relative to the repository's root; every file below it is part of the image"},
		{Name: "template", Type: decode.String, Default: `"."`, Example: `"node.pkr.hcl"`, Text: "a file of dir; the dot is all of its *.pkr.hcl"},
		{Name: "schedule", Type: decode.Schedule, Missing: "never", Example: `"@weekly"`, Text: "when it is asked to build it again though nothing changed"},
	}}
	own := map[string]decode.Attribute{ // what is Terraform's in a stack is Packer's here
		"var_files": {Example: `["prod.pkrvars.hcl"]`},
		"vars":      {Text: "variables of the template and their values"},
		"env":       {Text: "the environment of packer, which is built from nothing"},
	}
	for _, name := range []string{
		"repository", "var_files", "vars", "watch", "env", "approvals", "approvers", "plan_ttl", "plan_timeout",
		"apply_alert", "apply_window", "freeze", "allow_self_approval", "mode", "mention", "channel", "label", "plan_in_slack",
	} {
		for _, a := range Stack().Attributes {
			if a.Name == name {
				a.Text, a.Example = cmp.Or(own[name].Text, a.Text), cmp.Or(own[name].Example, a.Example)
				s.Attributes = append(s.Attributes, a)
			}
		}
	}
	return s
}
