// Package config reads Sallyport's configuration: HCL in, a [Config] out in which nothing is left to check.
//
// # Loading
//
// [Load] takes a file, or a directory of which every *.hcl is read in the order of names and merged. It reports every
// fault at once as [*Faults], each with file, line, column and the offending lines, so that a person mends the file in
// one go. [LoadClient] is for the verbs that only have to find the agent: it evaluates data_dir and socket and
// closes its eyes to the rest, so that `status` works for somebody who may not read the credentials.
//
// # Secrets
//
// Three functions bring in what must not stand in the file: env("NAME"), file("path") and credential("name"), the last
// from systemd's credential directory. Their results carry a mark that survives interpolation, are collected in
// Config.Secrets for the redactor, and are accepted only where a secret may stand: tokens, passphrases, vars, the
// three env maps and backend_config. Everywhere else the value would be shown to people, so it is refused.
// No fault and no warning ever holds the value of a secret, and literals where a token or a password belongs are
// blotted out of the quoted lines.
//
// # Modes
//
// Who can write the configuration can approve anything, so a configuration file (and its directory) that group or others may
// write is refused; so is a secret file that they may read. The fault names the chmod that mends it.
//
// # Later
//
// Names that are planned and that this version does not know (standby) are refused as "not supported by
// this version yet", never taken silently: a guard that somebody wrote down and nobody enforces is worse than none.
package config

import (
	"time"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/figures"
	"sallyport/agent/config/receiver"
	"sallyport/agent/config/repository"
	"sallyport/agent/config/web"
	"sallyport/notify/redact"
)

// Config is a whole, valid configuration: names are resolved, defaults are filled in, references exist.
type Config struct {
	DataDir string
	Socket  string

	Repositories []*Repository
	Stacks       []*Stack     // of stack blocks, in file order, and then of image blocks
	StackGlobs   []*StackGlob // of stacks blocks; [StackGlob.StackFor] makes a Stack of one directory

	Terraform    Terraform
	Packer       Packer
	Slack        *Slack // nil: notices go to the log and decisions come from the command line
	People       []Person
	Retention    Retention
	Backup       *Backup // nil: no backup leaves this machine
	Hooks        *Hooks  // of every stack, before its own; nil: none
	Notify       []*receiver.Receiver
	Web          *web.Web         // nil: no pages are shown
	Metrics      *figures.Metrics // nil: nobody is given any
	PingURL      redact.Secret    // asked for as long as all is well; zero: nobody is told
	CLIApprovals bool

	Elements []Element // of the for_each of stack blocks; see [Config.Environments]
	// Secrets are all values that came through credential, file or env, for the redactor.
	Secrets []redact.Secret
	// Warnings are things that work and should be mended; check prints them.
	Warnings []string
}

// Repository is a git repository that is polled, and Site where it lies at one.
type (
	Repository = repository.Repository
	Site       = repository.Site
)

// Policy says which plans apply by themselves.
type Policy string

// The policies.
const (
	PolicyNever     Policy = ""         // people decide
	PolicyRecreate  Policy = "recreate" // what brings back objects that disappeared, at what is applied already
	PolicyNoDestroy Policy = "no_destroy"
	PolicyAlways    Policy = "always"
)

// Mode says what a stack's plans are for.
type Mode string

// The modes.
const (
	ModeNormal  Mode = ""        // plan, ask, apply
	ModeObserve Mode = "observe" // plan and show; never ask
)

// The engines of stacks.
const (
	EngineTerraform = "terraform"
	EnginePacker    = "packer"
)

// Secrets are the names, sorted, of what a stack is given of which the value, or a part of it, came from env, file or credential. The
// values of all others stand in the configuration itself.
type Secrets struct{ Vars, Env, PlanEnv, Backend []string }

// List names them with what they are of: vars password, plan_env TOKEN.
func (s Secrets) List() (names []string) {
	for _, kind := range []struct {
		name string
		of   []string
	}{{"vars", s.Vars}, {"env", s.Env}, {"plan_env", s.PlanEnv}, {"backend_config", s.Backend}} {
		for _, one := range kind.of {
			names = append(names, kind.name+" "+one)
		}
	}
	return names
}

// Stack is one Terraform root module directory in a repository plus a workspace, or one Packer template.
type Stack struct {
	Name       string
	Engine     string
	Repository string
	Dir        string // slash-separated, relative to the repository's root, clean
	Workspace  string // "default" unless set
	VarFiles   []string
	Vars       map[string]cty.Value
	Watch      []string
	Env        map[string]redact.Secret // a secret type because some of them are
	PlanEnv    map[string]redact.Secret
	ApplyEnv   map[string]redact.Secret

	BackendConfig map[string]redact.Secret
	Secrets       Secrets // which of these are
	DependsOn     []string
	Approvals     int
	Approvers     []string // user ids, group ids, e-mails; empty: slack.approvers
	BreakGlass    []string // users of this machine who may approve alone in an emergency
	PlanTTL       time.Duration
	PlanTimeout   time.Duration // default 30m
	LockTimeout   time.Duration // default 1m
	ApplyAlert    time.Duration // people are told of an apply that runs for longer; 0: by how long earlier ones took
	Protect       []string
	Replaceable   []string
	MaxDestroy    *int              // more than so many destroyed or replaced objects are refused; nil: any number is asked about
	VerifyAfter   time.Duration     // an approved plan older than this is made again before its apply; 0: never
	ApplyWindows  []calendar.Window // when plans may be applied; none: always
	Freezes       []calendar.Freeze
	Hooks         *Hooks // beside those of the whole configuration; nil: none

	Drift          string // cron spec of drift checks; empty: none
	AutoApply      Policy
	AutoApplyLimit int      // applies by policy in a day, default 3
	RecreateAlso   []string // resource types that the policy recreate may replace when a recreated object is the only cause

	Images   []ImageVar // variables that are ids of images, by name
	Template string     // of an image: relative to Dir; "." is all of its *.pkr.hcl
	Schedule string     // of an image: when it is built again without a change; empty: never

	AllowSelfApproval bool
	Mode              Mode
	Mention           []string
	Channel           string // empty: slack.channel
	Label             string
	PlanInSlack       string // full, addresses or none

	Tool Tool // of its terraform block, else of the whole configuration's
	AWS  *AWS // nil: what its env says

	// Inputs is a digest of everything above that reaches terraform; when it changes, a waiting plan is stale.
	Inputs string
}

// StackGlob is a `stacks "glob"` block, for one key of its for_each if it has one: a template for every root module that matches.
type StackGlob struct {
	Glob    string
	Exclude []string // globs of directories that make none
	Stack   Stack    // Name and Dir are empty, and so is what the directory decides
	Key     string   // of for_each; empty: it has none
	Block   string   // where the block is: file:line:column, the same for all its keys

	later func(dir string) (*Stack, error) // makes the stack of a directory that decides more than its name; nil: it does not
}

// Terraform says which terraform runs and how many at a time.
type Terraform struct {
	Engine         string // see [Tool]
	Version        string // installed and verified; empty: Binary or PATH
	Binary         string
	Parallel       int
	CLIConfigFile  string
	ProviderMirror string // where all providers come from: a directory, or a URL with a slash at its end; empty: from their registries
	User           string // whom terraform runs as; empty: the agent's own user
}

// Slack says where people are asked.
type Slack struct {
	Token     redact.Secret
	AppToken  redact.Secret // of Slack's websocket; zero: none is opened
	Channel   string        // id or #name
	Approvers []string
	Poll      time.Duration
	Daily     string // a robfig/cron spec of when one message sums up what waits; empty: never
	APIURL    string // with a trailing slash
}
