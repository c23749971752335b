package terraform

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/rootmodule"
	"sallyport/notify/redact"
	"sallyport/store"
)

// PlanOptions say what is planned, and where its files go. Paths are absolute.
type PlanOptions struct {
	Tool    binary.Tool
	Stack   string    // name; what a plan at an unreachable registry needs is kept per stack
	Commit  string    // of the checkout
	Asked   time.Time // when the plan was wished for; see [cache.Init]
	Source  string    // the fresh checkout; empty: WorkDir
	WorkDir string    // the root module's directory in it: init writes to it, and so does the agent
	DataDir string    // TF_DATA_DIR; is emptied first, and needed again by the apply
	OutDir  string    // made 0700: plan, texts, lock file, temporary files
	// JSONFile, if set, gets the plan as terraform shows it in JSON, mode 0600. It holds secrets in clear.
	JSONFile string

	Workspace     string   // empty: default
	VarFiles      []string // relative to WorkDir
	Vars          map[string]cty.Value
	Given         map[string]string // variables as a person typed them; win over Vars. Must be declared
	BackendConfig map[string]redact.Secret
	Env           map[string]redact.Secret // of plan and apply
	PlanEnv       map[string]redact.Secret // of the plan only; wins over Env
	GitAccess     *credentials.Git         // for init only; may be nil
	CLIConfigFile string                   // empty: an empty one, never ~/.terraformrc
	Mirror        string                   // the one place of all providers: a directory, or an https URL; not with CLIConfigFile
	AWS           *credentials.AWS         // who terraform is in AWS, of the plan only; nil: what the environment says
	Home          string                   // HOME

	Replace     []string // addresses that are replaced though nothing asks for it
	Targets     []string // addresses that all else is left out beside, but for what they need
	RefreshOnly bool     // bring the state up to date, nothing else
	Destroy     bool     // destroy everything that is in the state

	LockTimeout time.Duration // how long to wait for the state lock
	NoLock      bool          // plan without the state lock: for plans that can never be applied
	// Preview: nothing that this plan brings along stays: no workspace is made, and what is kept of the stack's last init is
	// not replaced. What nobody has approved must not change what the next plan works with.
	Preview bool
	// KeepInit: init is left out where it would bring what the stack's last one has, which is remembered for that.
	KeepInit bool
	// WithoutCredentials: of CLIConfigFile terraform gets all but its credentials for other hosts.
	WithoutCredentials bool

	StateDir string // set: the state is kept here if the configuration names no lasting place
	// StateBefore is where it is noted what the state is while it is planned: the stack's own, and for nobody but the agent. It
	// must be settled, with [keptstate.Settle], before anybody else gets the state.
	StateBefore string
	// Rehearsal: what is planned on is the state in StateDir, wherever the configuration says that it is. Of the stack's own nothing is
	// read then.
	Rehearsal bool

	// User runs terraform in the place of the agent's own user, who must let it through the directories above these. The
	// checkout, DataDir, StateDir and Home are given to it.
	User *asuser.User
	// Keep: without a user of its own, what the plan starts and leaves behind is ended with it. This program's main calls
	// [asuser.Main] then.
	Keep bool

	Cache       *cache.Cache  // what plans share; nil: nothing is kept
	Protect     []string      // see [planjson.Matches]
	Replaceable []string      // likewise: replacing these is routine, unless they are protected
	Timeout     time.Duration // of everything together; 0: none
	Grace       time.Duration // how long terraform may take to end after a SIGINT; default 20 s
	// Silence makes values secret that this plan gets and terraform keeps out of every file: those of ephemeral variables. It is
	// called before terraform sees them; nil: nobody has to know.
	Silence func(values []string)
	Redact  func(string) string // takes secrets out of every text that people get; nil: leaves it as it is
}

// validate refuses what cannot work, and fills in the defaults.
func (o *PlanOptions) validate() error {
	var faults []error
	for name, path := range map[string]string{"work": o.WorkDir, "data": o.DataDir, "output": o.OutDir, "tool": o.Tool.Path} {
		if !filepath.IsAbs(path) {
			faults = append(faults, fmt.Errorf("the %s path %q is not absolute", name, path))
		}
	}
	if o.Source == "" {
		o.Source = o.WorkDir
	}
	if o.Workspace == "" {
		o.Workspace = defaultWorkspace
	}
	if o.Grace <= 0 {
		o.Grace = binary.Grace
	}
	if o.Redact == nil {
		o.Redact = func(s string) string { return s }
	}
	return errors.Join(faults...)
}

// keeps reports whether terraform has a keeper: see package asuser. Of a user that nobody else has everything is ended.
func (o *PlanOptions) keeps() bool { return o.Keep && (o.User == nil || !o.User.Exclusive) }

// root is the root module as the cache knows it.
func (o *PlanOptions) root() cache.Root {
	return cache.Root{Stack: o.Stack, Commit: o.Commit, Source: o.Source, WorkDir: o.WorkDir, DataDir: o.DataDir, User: o.User}
}

// dir is the root module as it is read here.
func (o *PlanOptions) dir() rootmodule.Dir {
	return rootmodule.Dir{Source: o.Source, WorkDir: o.WorkDir, Engine: o.reads()}
}

// PlanResult is a finished plan.
type PlanResult struct {
	Plan     store.Plan
	PlanFile string // 0600, durable; Plan.Digest is its SHA-256
	LockFile string // copy of .terraform.lock.hcl as used; empty without providers

	// Text is the plan in terraform's words, redacted and cut after [planjson.MaxText]; TextFile has all of it. Both end with
	// terraform's warnings.
	Text     string
	TextFile string

	Warnings         []string // for people who decide: no lock file, workspace created, ...
	Diagnostics      []diag.Diagnostic
	WorkspaceCreated bool
	Resources        int      // managed objects in the state before
	Addresses        []string // theirs
	Env              []string // the environment that the apply must get, apply_env aside; holds secrets
}
