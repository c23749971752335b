package config

import (
	"github.com/hashicorp/hcl/v2"
)

// shape is what may stand in one kind of block.
type shape struct {
	required []string
	optional []string
	blocks   []hcl.BlockHeaderSchema
	// later are names that the design has and this version has not; each may be an attribute or a block.
	later       []string
	laterBlocks []hcl.BlockHeaderSchema // the same, with labels
}

func rootShape() shape {
	return shape{
		optional: []string{"data_dir", "socket", "cli_approvals"},
		blocks: []hcl.BlockHeaderSchema{
			{Type: "repository", LabelNames: []string{"name"}},
			{Type: "defaults"},
			{Type: "stack", LabelNames: []string{"name"}},
			{Type: "stacks", LabelNames: []string{"glob"}},
			{Type: "image", LabelNames: []string{"name"}},
			{Type: "terraform"},
			{Type: "packer"},
			{Type: "slack"},
			{Type: "retention"},
			{Type: "backup"},
			{Type: "hooks"},
			{Type: "person", LabelNames: []string{"name"}},
		},
		later: []string{"metrics"},
	}
}

func repositoryShape() shape {
	return shape{
		required: []string{"url"},
		optional: []string{"branch", "schedule", "token", "username", "ca_file", "modules_from", "rewritten_history", "require_review", "max_object_size"},
		blocks:   []hcl.BlockHeaderSchema{{Type: "ssh"}, {Type: "github"}, {Type: "require_signed"}},
	}
}

func requireSignedShape() shape {
	return shape{optional: []string{"openpgp_keys", "allowed_signers"}}
}

func sshShape() shape {
	return shape{required: []string{"key_file", "known_hosts_file"}, optional: []string{"passphrase"}}
}

func githubShape() shape {
	return shape{
		required: []string{"repository"},
		optional: []string{"url", "token", "pull_requests", "lend_to_previews"},
		blocks:   []hcl.BlockHeaderSchema{{Type: "app"}},
	}
}

func githubAppShape() shape {
	return shape{required: []string{"id", "installation_id", "private_key_file"}}
}

// stackShape is that of stack blocks; those of stacks and defaults blocks are made of it.
func stackShape() shape {
	return shape{
		required: []string{"dir"},
		optional: []string{
			"repository", "workspace", "var_files", "vars", "watch", "env", "plan_env", "apply_env", "backend_config",
			"depends_on", "approvals", "approvers", "auto_apply", "plan_ttl", "plan_timeout", "lock_timeout", "apply_alert", "protect", "replaceable", "max_destroy",
			"allow_self_approval", "mode", "mention", "channel", "label", "plan_in_slack", "images",
			"apply_window", "freeze", "break_glass", "verify_after",
			"drift", "auto_apply_limit", "recreate_also",
		},
		blocks: []hcl.BlockHeaderSchema{{Type: "hooks"}, {Type: "terraform"}, {Type: "aws"}},
	}
}

func terraformShape() shape {
	return shape{
		optional: []string{"version", "binary", "engine", "parallel", "cli_config_file", "provider_mirror", "user"},
	}
}

// toolShape is that of a terraform block in a stack.
func toolShape() shape { return shape{optional: []string{"version", "binary", "engine"}} }

func awsShape() shape {
	return shape{required: []string{"role_arn"}, optional: []string{"plan_role_arn", "external_id", "region"}}
}

func slackShape() shape {
	return shape{
		required: []string{"token", "channel"},
		optional: []string{"approvers", "poll", "api_url", "daily"},
		later:    []string{"app_token"},
	}
}

func backupShape() shape {
	return shape{required: []string{"schedule", "command"}, optional: []string{"env", "timeout"}}
}

func retentionShape() shape { return shape{optional: []string{"runs", "age", "history"}} }

func personShape() shape {
	return shape{optional: []string{"slack", "github", "os"}}
}

// content takes a body apart by its shape. Unknown names are hcl's own faults, with a suggestion; known ones whose
// time has not come are ours, and do not appear in what is returned.
func (l *loader) content(body hcl.Body, s shape) *hcl.BodyContent {
	schema := &hcl.BodySchema{Blocks: append([]hcl.BlockHeaderSchema(nil), s.blocks...)}
	for _, name := range s.required {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name, Required: true})
	}
	for _, name := range s.optional {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	later := map[string]bool{}
	for _, name := range s.later {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: name})
		later[name] = true
	}
	for _, b := range s.laterBlocks {
		schema.Blocks = append(schema.Blocks, b)
		later[b.Type] = true
	}
	content, diags := body.Content(schema)
	l.add(diags)
	for name, attr := range content.Attributes {
		if later[name] {
			l.notYet(name, attr.NameRange)
			delete(content.Attributes, name)
		}
	}
	blocks := content.Blocks[:0]
	for _, b := range content.Blocks {
		if later[b.Type] {
			l.notYet(b.Type, b.DefRange)
			continue
		}
		blocks = append(blocks, b)
	}
	content.Blocks = blocks
	return content
}

func (l *loader) notYet(name string, at hcl.Range) {
	l.fault(at, "Not supported yet", "%s is not supported by this version yet. Remove it, so that nobody relies on it.", name)
}

// single returns the one block of a type that may stand only once, or nil.
func (l *loader) single(blocks hcl.Blocks, kind string) *hcl.Block {
	var first *hcl.Block
	for _, b := range blocks {
		switch {
		case b.Type != kind:
		case first == nil:
			first = b
		default:
			l.fault(b.DefRange, "Duplicate "+kind+" block", "There can be only one %s block, and it is at %s.", kind, place(first.DefRange))
		}
	}
	return first
}
