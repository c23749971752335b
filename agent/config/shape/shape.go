// Package shape says what may stand in each kind of block of a configuration, and what it is for. The decoders of package config take
// blocks apart by it, and [Reference] is made of it.
package shape

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
)

// What stands where a configuration says nothing.
const (
	DefaultDataDir = "/var/lib/sallyport"
	DefaultSocket  = "/run/sallyport/sallyport.sock"
	DefaultAPIURL  = "https://slack.com/api/"
)

// required is an attribute that a block must have, optional one that it can have.
func required(name, text string) decode.Attribute {
	return decode.Attribute{Name: name, Required: true, Text: text}
}

func optional(name, text string) decode.Attribute { return decode.Attribute{Name: name, Text: text} }

// Root is the shape of the file itself.
func Root() decode.Shape {
	return decode.Shape{
		Attributes: []decode.Attribute{
			optional("data_dir", "the store, the mirrors, the kept states; default "+DefaultDataDir),
			optional("socket", "where the command line finds the agent; default "+DefaultSocket),
			optional("cli_approvals", "false: the command line may look, pause and deny, but not approve; default true"),
		},
		Blocks: []hcl.BlockHeaderSchema{
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
		Later: []string{"metrics"},
	}
}

// Repository is the shape of a repository block.
func Repository() decode.Shape {
	return decode.Shape{
		Attributes: []decode.Attribute{
			required("url", "ssh://, https://, file:// or git@host:path"),
			optional("branch", "the branch that is polled; default main"),
			optional("schedule", "when it is polled: cron's five fields, a descriptor or @every; default @every 30s"),
			optional("token", "for an https URL"),
			optional("username", "that goes with the token; default x-access-token"),
			optional("ca_file", "certificates in PEM form of a private authority, for the URL and the github block"),
			optional("modules_from", "paths at the URL's host whose repositories stacks may read modules from with the token"),
			optional("rewritten_history", `"hold" a force-pushed branch until somebody accepts it, or "follow" it; default hold`),
			optional("require_review", "true: each commit must belong to a merged pull request that was approved"),
			optional("max_object_size", `the largest file that the history may hold, like "256MB"`),
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "ssh"}, {Type: "github"}, {Type: "require_signed"}},
	}
}

// RequireSigned is the shape of a require_signed block.
func RequireSigned() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("openpgp_keys", "a file of public keys, as gpg --export writes it"),
		optional("allowed_signers", "a file of allowed signers, as ssh-keygen and git read it"),
	}}
}

// SSH is the shape of an ssh block.
func SSH() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		required("key_file", "a private key that only the agent's user may read"),
		required("known_hosts_file", "the host keys of the server; none is taken on trust"),
		optional("passphrase", "of the key"),
	}}
}

// GitHub is the shape of a github block.
func GitHub() decode.Shape {
	return decode.Shape{
		Attributes: []decode.Attribute{
			required("repository", "owner/name"),
			optional("url", "of the site; default https://github.com"),
			optional("token", "contents to read, commit statuses and pull requests to write"),
			optional("pull_requests", `"trusted" plans the pull requests of the same repository by people who may write to it; default off`),
			optional("lend_to_previews", "true: those plans read private modules too"),
			optional("secrets_to_previews", "true: those plans get the secrets that the stacks' own plans get"),
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "app"}},
	}
}

// GitHubApp is the shape of an app block.
func GitHubApp() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		required("id", "of the GitHub App"),
		required("installation_id", "of its installation"),
		required("private_key_file", "its key, which only the agent's user may read"),
	}}
}

// Stack is the shape of stack blocks; those of stacks and defaults blocks are made of it.
func Stack() decode.Shape {
	return decode.Shape{
		Attributes: []decode.Attribute{
			required("dir", "relative to the repository's root"),
			optional("repository", "whose directory it is; needed if there are several"),
			optional("workspace", "of Terraform; default default"),
			optional("var_files", "relative to dir"),
			optional("vars", "variables of Terraform and their values, which may be secrets"),
			optional("watch", "globs, relative to the repository's root, of what else makes a plan when it changes"),
			optional("env", "the environment of terraform, which is built from nothing"),
			optional("plan_env", "what plans get beside env"),
			optional("apply_env", "what applies get beside env"),
			optional("backend_config", "arguments of the backend, which may be secrets"),
			optional("depends_on", "stacks after which this one is planned, and again when an apply changed one"),
			optional("approvals", "how many different people must approve; default 1"),
			optional("approvers", "ids of users and user groups, or e-mails; default those of the slack block"),
			optional("allow_self_approval", "false: not by those whose change it is; default true"),
			optional("break_glass", "person blocks, or users of this machine, who may approve alone in an emergency"),
			optional("plan_ttl", "after which a plan that nobody decided on expires; default 24h"),
			optional("plan_timeout", "how long a plan may take; default 30m"),
			optional("lock_timeout", "how long terraform waits for the state lock; default 1m"),
			optional("apply_alert", "after which people are told that an apply goes on; default by how long earlier ones took"),
			optional("verify_after", "an approved plan that is older is made again before its apply; default never"),
			optional("apply_window", "when plans may be applied: { schedule, duration }, or a list; default always"),
			optional("freeze", "when none may be applied: { from, to, zone, reason }, or a list"),
			optional("protect", "patterns of addresses that an approval must name before they are destroyed or replaced"),
			optional("replaceable", "patterns of addresses whose replacement a plain approve covers"),
			optional("max_destroy", "a plan that destroys or replaces more objects is refused outright"),
			optional("auto_apply", `which plans apply by themselves: "never", "recreate", "no_destroy" or "always"; default never`),
			optional("auto_apply_limit", "how often a day; default 3"),
			optional("recreate_also", "resource types that recreate may replace when a recreated object is the only cause"),
			optional("drift", "when it is looked at whether all is as it was applied: a schedule; default never"),
			optional("mode", `"observe" plans and shows and never asks; default normal`),
			optional("mention", "users and user groups that are named when a person is needed"),
			optional("channel", "where its runs are told; default that of the slack block"),
			optional("label", "shown first in every message"),
			optional("plan_in_slack", `"full", "addresses" or "none"; default full`),
			optional("images", "variables that are the ids of built images: variable to image, or image:builder"),
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "hooks"}, {Type: "terraform"}, {Type: "aws"}},
	}
}

// Stacks is the shape of stacks blocks.
func Stacks() decode.Shape {
	s := Stack()
	s.Attributes = append(s.Attributes, optional("exclude", "globs, relative to the repository's root, of directories that make no stack"))
	return s
}

// Image is the shape of an image block.
func Image() decode.Shape {
	s := decode.Shape{Attributes: []decode.Attribute{
		required("dir", "relative to the repository's root; every file below it is part of the image"),
		optional("template", "a file of dir; default all *.pkr.hcl"),
		optional("schedule", "when it is asked to build it again though nothing changed; default never"),
	}}
	for _, name := range []string{
		"repository", "var_files", "vars", "watch", "env", "approvals", "approvers", "plan_ttl", "plan_timeout",
		"apply_alert", "apply_window", "freeze", "allow_self_approval", "mode", "mention", "channel", "label", "plan_in_slack",
	} {
		for _, a := range Stack().Attributes {
			if a.Name == name {
				s.Attributes = append(s.Attributes, a)
			}
		}
	}
	return s
}

// Terraform is the shape of the terraform block.
func Terraform() decode.Shape {
	return decode.Shape{Attributes: append(Tool().Attributes,
		optional("parallel", "terraform processes at a time; default 2"),
		optional("cli_config_file", "a CLI configuration of Terraform's"),
		optional("provider_mirror", "a directory, or an https URL, that all providers come from"),
		optional("user", "whom terraform runs as: that user, or its numbered ones; default the agent's own"),
	)}
}

// Tool is the shape of a terraform block in a stack.
func Tool() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("version", "one exact version, which is installed and verified"),
		optional("binary", "an absolute path; default the program in PATH"),
		optional("engine", `"terraform" or "tofu"; default terraform`),
	}}
}

// Packer is the shape of the packer block.
func Packer() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("binary", "an absolute path; default the packer in PATH"),
		optional("parallel", "builds at a time; default 2"),
	}}
}

// AWS is the shape of an aws block.
func AWS() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		required("role_arn", "the role of applies"),
		optional("plan_role_arn", "the role of plans; default that of applies"),
		optional("external_id", "that the roles ask for"),
		optional("region", "of the service that hands the roles out"),
	}}
}

// Slack is the shape of the slack block.
func Slack() decode.Shape {
	return decode.Shape{
		Attributes: []decode.Attribute{
			required("token", "of the bot, which begins with xoxb-"),
			required("channel", "its id, or #name"),
			optional("approvers", "ids of users and user groups, or e-mails"),
			optional("poll", "how often it is read at most; default 5s"),
			optional("daily", "when one message sums up what waits: a schedule; default never"),
			optional("api_url", "of Slack; default "+DefaultAPIURL),
		},
		Later: []string{"app_token"},
	}
}

// Backup is the shape of the backup block.
func Backup() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		required("schedule", "when a backup is made"),
		required("command", "that takes it as its standard input: a list of words, or a line for the shell"),
		optional("env", "of the command, beside PATH, HOME and SALLYPORT_BACKUP"),
		optional("timeout", "of the command; default 30m"),
	}}
}

// Hooks is the shape of a hooks block.
func Hooks() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("before_plan", "a command that runs before each plan; one that fails ends the run"),
		optional("after_plan", "one that runs after it, with the plan as JSON; one that fails ends the run"),
		optional("before_apply", "one that runs before each apply; one that fails ends the run"),
		optional("after_apply", "one that runs after it, once, and only warns"),
		optional("env", "of the commands, beside PATH, HOME and SALLYPORT_*"),
		optional("timeout", "of each command; default 5m"),
	}}
}

// Retention is the shape of the retention block.
func Retention() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("runs", "so many runs that have ended stay at most; default 10000"),
		optional("age", "runs that ended longer ago go; default 2160h"),
		optional("history", "entries of the history that are older go; default 8760h"),
	}}
}

// Person is the shape of a person block.
func Person() decode.Shape {
	return decode.Shape{Attributes: []decode.Attribute{
		optional("slack", "the id of a user"),
		optional("github", "the login of an account"),
		optional("os", "the name of a user of this machine, as they log in"),
	}}
}

// WithoutRequired makes everything optional.
func WithoutRequired(s decode.Shape) decode.Shape {
	s.Attributes = slices.Clone(s.Attributes)
	for i := range s.Attributes {
		s.Attributes[i].Required = false
	}
	return s
}
