// Package shape says what may stand in each kind of block of a configuration: how each attribute is written and within which bounds,
// what holds without it, and what it is for. The decoders of package config take blocks apart by it and have words, defaults and bounds
// from it, and [Reference], which people read, is made of it. Tests of package config write each attribute as it stands here, wrongly,
// rightly, as its default and at its bounds, and see that the decoders agree.
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
	DefaultWeb     = "/run/sallyport/web.sock"
	DefaultAPIURL  = "https://slack.com/api/"
)

// Root is the shape of the file itself.
func Root() decode.Shape {
	return decode.Shape{
		Text: "what stands in no block",
		Attributes: []decode.Attribute{
			{Name: "data_dir", Type: decode.String, Default: `"` + DefaultDataDir + `"`, Example: `"/srv/sallyport"`,
				Text: "an absolute path: the store, the mirrors, the kept states"},
			{Name: "socket", Type: decode.String, Default: `"` + DefaultSocket + `"`, Example: `"/run/sallyport/two.sock"`,
				Text: "an absolute path: where the command line finds the agent; whoever can open it may look and decide"},
			{Name: "cli_approvals", Type: decode.Boolean, Default: "true", Example: "false",
				Text: "false: the command line may look, pause and deny, but not approve"},
			{Name: "ping_url", Type: decode.String, Example: `"https://ping.example.com/1b2c3d"`, Missing: "nobody is told",
				Text: "asked for once a minute as long as the agent works, for a service that calls people when that ends; it may come from credential"},
		},
		Blocks: []hcl.BlockHeaderSchema{
			{Type: "locals"},
			{Type: "repository", LabelNames: []string{"name"}},
			{Type: "defaults"},
			{Type: "stack", LabelNames: []string{"name"}},
			{Type: "stacks", LabelNames: []string{"glob"}},
			{Type: "image", LabelNames: []string{"name"}},
			{Type: "terraform"},
			{Type: "packer"},
			{Type: "slack"},
			{Type: "web"},
			{Type: "retention"},
			{Type: "backup"},
			{Type: "hooks"},
			{Type: "notify", LabelNames: []string{"name"}},
			{Type: "metrics"},
			{Type: "person", LabelNames: []string{"name"}},
		},
		Later: []string{"standby"},
	}
}

// Web is the shape of the web block.
func Web() decode.Shape {
	return decode.Shape{Text: "pages to read, on a unix socket that takes no decision; sallyport web says how they are reached", Attributes: []decode.Attribute{
		{Name: "socket", Type: decode.String, Default: `"` + DefaultWeb + `"`, Example: `"/run/sallyport/pages.sock"`,
			Text: "an absolute path, not that of the command line's socket; whoever can open it may look"},
	}}
}

// Locals is the shape of locals blocks, whose attributes have whatever names they are given.
func Locals() decode.Shape {
	return decode.Shape{Text: "values with names of your own: local.NAME is one of them anywhere, other locals included"}
}

// Repository is the shape of a repository block.
func Repository() decode.Shape {
	return decode.Shape{
		Text: "a git repository that is polled",
		Attributes: []decode.Attribute{
			{Name: "url", Required: true, Type: decode.String, Example: `"ssh://git@git.example.internal/ops/infra.git"`,
				Text: "ssh://, https://, file://, git@host:path or an absolute path; never with a password in it"},
			{Name: "branch", Type: decode.String, Default: `"main"`, Example: `"production"`, Text: "the branch that is polled"},
			{Name: "schedule", Type: decode.Schedule, Default: `"@every 30s"`, Example: `"*/5 * * * *"`, Text: "when it is polled"},
			{Name: "token", Type: decode.Secret, Example: `credential("git-token")`, Missing: "that of a github, gitlab, gitea or bitbucket block at the same host",
				Text: "for an https URL"},
			{Name: "username", Type: decode.String, Default: `"x-access-token"`, Example: `"oauth2"`, Text: "that goes with the token"},
			{Name: "ca_file", Type: decode.File, Example: `"/etc/sallyport/git-ca.pem"`, Missing: "the authorities that the machine trusts",
				Text: "certificates in PEM form of a private authority, for the URL and the block of the site"},
			{Name: "modules_from", Type: decode.List, Example: `["ops/modules", "terraform-modules/*"]`, Missing: "the repository's own alone",
				Text: "paths or URLs at the URL's host whose repositories stacks may read modules from with the token; * is one part of a path"},
			{Name: "rewritten_history", Type: decode.Choice, Choices: []string{"hold", "follow"}, Default: `"hold"`, Example: `"follow"`,
				Text: "what happens to a force-pushed branch: it is held until somebody accepts it, or followed"},
			{Name: "require_review", Type: decode.Boolean, Default: "false", Example: "true",
				Text: "true: each commit must belong to a merged pull request that was approved; goes with a github, gitlab or gitea block"},
			{Name: "max_object_size", Type: decode.Size, Least: `"1MB"`, Most: `"16GB"`, Missing: "256MB", Example: `"512MB"`, Text: "the largest file that the history may hold"},
		},
		Blocks: []hcl.BlockHeaderSchema{{Type: "ssh"}, {Type: "github"}, {Type: "gitlab"}, {Type: "gitea"}, {Type: "bitbucket"}, {Type: "require_signed"}},
	}
}

// RequireSigned is the shape of a require_signed block.
func RequireSigned() decode.Shape {
	return decode.Shape{Text: "keys one of which must have signed each commit since the applied one", Attributes: []decode.Attribute{
		{Name: "openpgp_keys", Type: decode.File, Example: `"/etc/sallyport/signers.asc"`, Text: "a file of public keys, as gpg --export writes it"},
		{Name: "allowed_signers", Type: decode.File, Example: `"/etc/sallyport/allowed_signers"`, Text: "a file of allowed signers, as ssh-keygen and git read it"},
	}}
}

// SSH is the shape of an ssh block.
func SSH() decode.Shape {
	return decode.Shape{Text: "how an ssh URL is read", Attributes: []decode.Attribute{
		{Name: "key_file", Required: true, Type: decode.File, Example: `"/etc/sallyport/deploy_key"`, Text: "a private key that only the agent's user may read"},
		{Name: "known_hosts_file", Required: true, Type: decode.File, Example: `"/etc/sallyport/known_hosts"`, Text: "the host keys of the server; none is taken on trust"},
		{Name: "passphrase", Type: decode.Secret, Example: `credential("deploy-key-passphrase")`, Text: "of the key"},
	}}
}

// Terraform is the shape of the terraform block.
func Terraform() decode.Shape {
	return decode.Shape{Text: "which terraform runs, as whom, and how many at a time", Attributes: append(Tool().Attributes,
		decode.Attribute{Name: "parallel", Type: decode.Number, Unit: "processes", Least: "1", Most: "1000", Default: "2", Example: "4", Text: "terraform processes at a time"},
		decode.Attribute{Name: "cli_config_file", Type: decode.File, Example: `"/etc/sallyport/terraform.rc"`, Missing: "none, not even one in HOME", Text: "a CLI configuration of Terraform's"},
		decode.Attribute{Name: "provider_mirror", Type: decode.String, Example: `"/srv/terraform/providers"`, Missing: "their registries",
			Text: "a directory, or an https URL, that all providers come from"},
		decode.Attribute{Name: "user", Type: decode.String, Example: `"sallyport-tf"`, Missing: "the agent's own user",
			Text: "whom terraform runs as: NAME1, NAME2, ... as far as they exist, one for each run at work; else NAME"},
	)}
}

// Tool is the shape of a terraform block in a stack.
func Tool() decode.Shape {
	return decode.Shape{Text: "another terraform than that of the terraform block", Attributes: []decode.Attribute{
		{Name: "version", Type: decode.String, Example: `"1.11.4"`, Missing: "whatever binary or PATH has", Text: "one exact version of Terraform, which is installed and verified"},
		{Name: "binary", Type: decode.String, Example: `"/usr/bin/terraform"`, Missing: "the program in PATH", Text: "an absolute path"},
		{Name: "engine", Type: decode.Choice, Choices: []string{"terraform", "tofu"}, Default: `"terraform"`, Example: `"tofu"`, Text: "Terraform or OpenTofu"},
	}}
}

// Packer is the shape of the packer block.
func Packer() decode.Shape {
	return decode.Shape{Text: "which packer builds images, and how many at a time", Attributes: []decode.Attribute{
		{Name: "binary", Type: decode.String, Example: `"/usr/bin/packer"`, Missing: "the packer in PATH", Text: "an absolute path"},
		{Name: "parallel", Type: decode.Number, Unit: "builds", Least: "1", Most: "1000", Default: "2", Example: "1", Text: "builds at a time; they do not count for parallel of the terraform block"},
	}}
}

// AWS is the shape of an aws block.
func AWS() decode.Shape {
	return decode.Shape{Text: "roles that the agent takes on with the instance's credentials, for terraform", Attributes: []decode.Attribute{
		{Name: "role_arn", Required: true, Type: decode.String, Example: `"arn:aws:iam::123456789012:role/sallyport-apply"`, Text: "the role of applies"},
		{Name: "plan_role_arn", Type: decode.String, Example: `"arn:aws:iam::123456789012:role/sallyport-plan"`, Missing: "that of applies", Text: "the role of plans"},
		{Name: "external_id", Type: decode.Secret, Example: `credential("aws-external-id")`, Text: "that the roles ask for"},
		{Name: "region", Type: decode.String, Example: `"us-east-1"`, Missing: "the instance's", Text: "of the service that hands the roles out"},
	}}
}

// Slack is the shape of the slack block.
func Slack() decode.Shape {
	return decode.Shape{
		Text: "where people are asked; without it notices go to the log, and the command line decides",
		Attributes: []decode.Attribute{
			{Name: "token", Required: true, Type: decode.Secret, Example: `credential("slack-bot-token")`, Text: "of the bot, which begins with xoxb-"},
			{Name: "channel", Required: true, Type: decode.String, Example: `"C0123456789"`, Text: "its id, or #name"},
			{Name: "approvers", Type: decode.List, Example: `["U01ABCDEF", "S01OPSTEAM", "jane@example.com"]`, Missing: "nobody in Slack", Text: "ids of users and user groups, or e-mails"},
			{Name: "poll", Type: decode.Duration, Least: `"100ms"`, Default: `"5s"`, Example: `"10s"`, Text: "how often it is read at most"},
			{Name: "daily", Type: decode.Schedule, Example: `"CRON_TZ=Europe/Paris 0 9 * * 1-5"`, Missing: "never", Text: "when one message sums up what waits"},
			{Name: "app_token", Type: decode.Secret, Example: `credential("slack-app-token")`, Missing: "no buttons, and replies are seen when Slack is read next",
				Text: "of the app, which begins with xapp-: opens Slack's websocket, outbound (Socket Mode)"},
			{Name: "api_url", Type: decode.String, Default: `"` + DefaultAPIURL + `"`, Example: `"https://proxy.example.internal/slack/api/"`, Text: "of Slack, for who has a proxy in front of it"},
		},
	}
}

// Backup is the shape of the backup block.
func Backup() decode.Shape {
	return decode.Shape{Text: "a backup that leaves this machine", Attributes: []decode.Attribute{
		{Name: "schedule", Required: true, Type: decode.Schedule, Example: `"@daily"`, Text: "when a backup is made"},
		{Name: "command", Required: true, Type: decode.Command, Example: `["aws", "s3", "cp", "-", "s3://example-backups/sallyport.backup"]`,
			Text: "that takes it as its standard input; one string instead of a list is a line for the shell"},
		{Name: "env", Type: decode.SecretMap, Example: `{ AWS_REGION = "us-east-1" }`, Text: "of the command, beside PATH, HOME and SALLYPORT_BACKUP"},
		{Name: "timeout", Type: decode.Duration, Least: `"1s"`, Default: `"30m"`, Example: `"1h"`, Text: "of the command"},
	}}
}

// Hooks is the shape of a hooks block.
func Hooks() decode.Shape {
	return decode.Shape{Text: "commands around every plan and apply, with the run as JSON on stdin; those of a stack run after those of all; what they print stands on the run's card, in the pull request's comment and in show, and a line \"sallyport: NAME=VALUE\" is a fact there", Attributes: []decode.Attribute{
		{Name: "before_plan", Type: decode.Command, Example: `["/usr/local/bin/fetch-vars"]`, Text: "runs before each plan; one that fails, with 2 as well, ends the run"},
		{Name: "after_plan", Type: decode.Command, Example: `["/usr/local/bin/check-policy"]`, Text: "runs after it, with the plan as JSON in SALLYPORT_PLAN_JSON; exit code 2 is a warning that the card leads with and that no auto_apply passes, any other but 0 ends the run"},
		{Name: "before_apply", Type: decode.Command, Example: `["/usr/local/bin/snapshot", "--wait"]`, Text: "runs before each apply; one that fails, with 2 as well, ends the run"},
		{Name: "after_apply", Type: decode.Command, Example: `["/usr/local/bin/tell"]`, Text: "runs after it, once, and only warns"},
		{Name: "env", Type: decode.SecretMap, Example: `{ AWS_REGION = "us-east-1" }`, Text: "of the commands, beside PATH, HOME and SALLYPORT_*"},
		{Name: "timeout", Type: decode.Duration, Least: `"1s"`, Default: `"5m"`, Example: `"10m"`, Text: "of each command"},
	}}
}

// Events are what a notify block can name, as its attribute events writes them.
func Events() []string { return []string{"waiting", "errored", "interrupted", "drift", "blocked"} }

// Notify is the shape of a notify block.
func Notify() decode.Shape {
	return decode.Shape{Text: "who else is told, with JSON: a pager, a chat, a mail; nothing that comes back decides anything", Attributes: []decode.Attribute{
		{Name: "events", Required: true, Type: decode.List, Example: `["waiting", "errored", "interrupted", "drift", "blocked"]`, Text: "of what; each is told once of one run"},
		{Name: "stacks", Type: decode.List, Example: `["prod-*"]`, Missing: "every stack", Text: "of which stacks: patterns of names"},
		{Name: "url", Type: decode.String, Example: `"https://alerts.example.com/hooks/sallyport"`, Missing: "a command",
			Text: "that JSON is posted to; it may come from credential, since many hold a secret"},
		{Name: "headers", Type: decode.SecretMap, Example: `{ Authorization = credential("pager-token") }`, Text: "of the requests"},
		{Name: "command", Type: decode.Command, Example: `["/usr/local/bin/page"]`, Missing: "a url",
			Text: "a program and its arguments, run by the agent's user with the JSON as its standard input"},
		{Name: "env", Type: decode.SecretMap, Example: `{ MAILTO = "ops@example.com" }`, Text: "of the command, beside PATH and HOME"},
		{Name: "timeout", Type: decode.Duration, Least: `"1s"`, Default: `"30s"`, Example: `"10s"`, Text: "of one try, after which it is tried again"},
	}}
}

// Retention is the shape of the retention block.
func Retention() decode.Shape {
	return decode.Shape{Text: "how long what has ended is kept; the newest twenty runs of each stack stay in any case", Attributes: []decode.Attribute{
		{Name: "runs", Type: decode.Number, Unit: "runs", Least: "20", Most: "1000000", Default: "10000", Example: "2000", Text: "so many runs that have ended stay at most"},
		{Name: "age", Type: decode.Duration, Least: `"1h"`, Default: `"2160h"`, Example: `"720h"`, Text: "runs that ended longer ago go, with their plans and logs"},
		{Name: "history", Type: decode.Duration, Least: `"1h"`, Default: `"8760h"`, Example: `"17520h"`, Text: "entries of the history that are older go"},
	}}
}

// Person is the shape of a person block.
func Person() decode.Shape {
	return decode.Shape{Text: "who is the same human in Slack, at the sites of repositories and on this machine", Attributes: []decode.Attribute{
		{Name: "slack", Type: decode.String, Example: `"U01ABCDEF"`, Text: "the id of a user"},
		{Name: "github", Type: decode.String, Example: `"jane-doe"`, Text: "the login of an account"},
		{Name: "gitlab", Type: decode.String, Example: `"jane.doe"`, Text: "the login of an account"},
		{Name: "gitea", Type: decode.String, Example: `"jane.doe"`, Text: "the login of an account, at Forgejo too"},
		{Name: "os", Type: decode.String, Example: `"jane"`, Text: "the name of a user of this machine, as they log in"},
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
