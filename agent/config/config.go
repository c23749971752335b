package config

import (
	"time"

	"github.com/zclconf/go-cty/cty"

	"sallyport/notify/redact"
)

// Config is a whole, valid configuration: names are resolved, defaults are filled in, references exist.
type Config struct {
	DataDir string
	Socket  string

	Repositories []*Repository
	Stacks       []*Stack     // of stack blocks, in file order
	StackGlobs   []*StackGlob // of stacks blocks; [StackGlob.Stack] makes a Stack of one directory

	Terraform    Terraform
	Slack        *Slack // nil: notices go to the log and decisions come from the command line
	People       []Person
	CLIApprovals bool

	// Secrets are all values that came through credential, file or env, for the redactor.
	Secrets []redact.Secret
	// Warnings are things that work and should be mended; check prints them.
	Warnings []string
}

// Repository is a git repository that is polled.
type Repository struct {
	Name     string
	URL      string // ssh, https, http (loopback only) or file; never with a password inside
	Branch   string
	Schedule string // a robfig/cron spec
	// FollowRewritten: take a force-pushed branch without asking.
	FollowRewritten bool

	SSHKeyFile     string
	SSHPassphrase  redact.Secret
	KnownHostsFile string
	Username       string
	Token          redact.Secret
	CAFile         string
}

// Mode says what a stack's plans are for.
type Mode string

// The modes.
const (
	ModeNormal  Mode = ""        // plan, ask, apply
	ModeObserve Mode = "observe" // plan and show; never ask
)

// Stack is one Terraform root module directory in a repository plus a workspace.
type Stack struct {
	Name       string
	Repository string
	Dir        string // slash-separated, relative to the repository's root, clean
	Workspace  string // "default" unless set
	VarFiles   []string
	Vars       map[string]cty.Value
	Watch      []string
	Env        map[string]redact.Secret // a secret type because some are; see SecretEnv
	PlanEnv    map[string]redact.Secret
	ApplyEnv   map[string]redact.Secret

	BackendConfig map[string]redact.Secret
	DependsOn     []string
	Approvals     int
	Approvers     []string // user ids, group ids, e-mails; empty: slack.approvers
	PlanTTL       time.Duration
	PlanTimeout   time.Duration // default 30m
	LockTimeout   time.Duration // default 1m
	Protect       []string

	AllowSelfApproval bool
	Mode              Mode
	Mention           []string
	Channel           string // empty: slack.channel
	Label             string
	PlanInSlack       string // full, addresses or none

	// Inputs is a digest of everything above that reaches terraform; when it changes, a waiting plan is stale.
	Inputs string
}

// StackGlob is a `stacks "glob"` block: a template for every root module that matches.
type StackGlob struct {
	Glob  string
	Stack Stack // Name and Dir are empty
}

// Terraform says which terraform runs and how many at a time.
type Terraform struct {
	Version       string // installed and verified; empty: Binary or PATH
	Binary        string
	Parallel      int
	CLIConfigFile string
}

// Slack says where people are asked.
type Slack struct {
	Token     redact.Secret
	Channel   string // id or #name
	Approvers []string
	Poll      time.Duration
	APIURL    string // with a trailing slash
}

// Person says which identities are the same human.
type Person struct {
	Name   string
	Slack  string
	GitHub string
	OS     string
}
