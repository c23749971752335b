package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/planjson"
	"sallyport/notify/redact"
	"sallyport/store"
)

// defaultWorkspace is the workspace that every backend has.
const defaultWorkspace = "default"

// The files that a plan leaves in its OutDir.
const (
	planFile = "plan.tfplan"        // the saved plan; secrets in clear
	textFile = "plan.txt"           // the plan in terraform's words, whole, redacted
	lockCopy = "terraform.lock.hcl" // the lock file as used
)

// PlanOptions say what is planned, and where its files go. Paths are absolute.
type PlanOptions struct {
	Tool    binary.Tool
	Stack   string // name; what a plan at an unreachable registry needs is kept per stack
	Commit  string // of the checkout
	Source  string // the fresh checkout; empty: WorkDir
	WorkDir string // the root module's directory in it: init writes to it, and so do we
	DataDir string // TF_DATA_DIR; is emptied first, and needed again by the apply
	OutDir  string // made 0700: plan, texts, lock file, temporary files
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
	RefreshOnly bool     // bring the state up to date, nothing else
	Destroy     bool     // destroy everything that is in the state

	LockTimeout time.Duration // how long to wait for the state lock
	NoLock      bool          // plan without the state lock: for plans that can never be applied
	// Preview: nothing that this plan brings along stays: no workspace is made, and what is kept of the stack's last init is
	// not replaced. What nobody has approved must not change what the next plan works with.
	Preview  bool
	StateDir string // set: the state is kept here if the configuration names no lasting place

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
	Redact      func(string) string
}

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
	Env              []string // the environment that the apply must get, apply_env aside; holds secrets
}

// planner is one plan under way.
type planner struct {
	o       PlanOptions
	s       *session
	res     PlanResult
	keptDir bool                  // the agent keeps the state
	before  map[string]string     // the files of that state when the plan began; see copyState
	late    atomic.Pointer[error] // the first time that credentials were not renewed
}

// Plan runs init, plan and show, and returns what people decide on. The error is an [*diag.Error] where terraform, or the
// lack of it, is the reason; it unwraps to the context's error when that ended the plan.
func Plan(ctx context.Context, o PlanOptions) (*PlanResult, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("planning %s: %w", o.Stack, err)
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout,
			fmt.Errorf("plan_timeout of %s has passed: %w", o.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	p := &planner{o: o}
	release, err := p.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := p.copyState(); err != nil {
		return nil, err
	}
	err = p.steps(ctx)
	if changed := p.stateUntouched(); changed != nil {
		err = changed
	}
	if err != nil {
		return nil, err
	}
	p.res.Plan.PlanSeconds = p.s.spent.Seconds()
	return &p.res, nil
}

func (p *planner) steps(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.initialise, p.workspace, p.settle, p.plan, p.describe, p.render} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the directories, the generated files and the session.
func (p *planner) prepare(ctx context.Context) (func(), error) {
	o := &p.o
	if err := os.RemoveAll(o.DataDir); err != nil { // a left-over environment file would select a wrong workspace
		return nil, fmt.Errorf("clearing terraform's data directory: %w", err)
	}
	tmp := filepath.Join(o.OutDir, "tmp")
	for _, dir := range []string{o.DataDir, o.OutDir, tmp} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the plan's directories: %w", err)
		}
	}
	if err := os.Chmod(o.OutDir, 0o700); err != nil {
		return nil, fmt.Errorf("protecting the plan's directory: %w", err)
	}
	err := o.ownConfig()
	if err != nil {
		return nil, err
	}
	if p.keptDir, err = keepState(o); err != nil {
		return nil, err
	}
	if err := o.root().PlainLock(); err != nil {
		return nil, err
	}
	if err := p.handOver(tmp); err != nil {
		return nil, err
	}
	env := environ.Options{Home: o.Home, TempDir: tmp, DataDir: o.DataDir, CLIConfigFile: o.CLIConfigFile,
		Extra: []map[string]redact.Secret{o.Env}}
	if err := env.Save(o.OutDir); err != nil {
		return nil, err
	}
	p.res.Env = environ.Build(env)
	env.Extra = append(env.Extra, o.PlanEnv)
	if o.AWS != nil {
		aws, err := o.AWS.Write(o.OutDir, o.User)
		if err != nil {
			return nil, err
		}
		env.Extra = append(env.Extra, aws)
	}
	p.s = &session{tool: o.Tool, dir: o.WorkDir, env: environ.Build(env), user: o.User, redact: o.Redact, grace: o.Grace}
	giveBack, err := p.borrow()
	if err != nil || o.AWS == nil {
		return giveBack, err
	}
	end, err := p.lendRole(ctx)
	if err != nil {
		giveBack()
		return nil, err
	}
	return func() {
		defer giveBack()
		end()
	}, nil
}

// lendRole lends terraform its role in AWS. What it returns takes the role back, and passes on a panic of renewing it.
func (p *planner) lendRole(ctx context.Context) (end func(), err error) {
	o := &p.o
	takeBack, err := o.AWS.Lend(ctx, o.OutDir, o.User, func(err error) {
		p.late.CompareAndSwap(nil, &err)
	})
	if err != nil {
		return nil, err
	}
	return func() {
		takeBack()
		var broken *contain.Panic
		if err := p.late.Load(); err != nil && errors.As(*err, &broken) { // of other errors terraform says what it could not do
			panic(broken)
		}
	}, nil
}

// workspace selects the stack's workspace, makes it if it is missing, and checks that terraform really is in it: a
// plan in the wrong one would create everything a second time.
func (p *planner) workspace(ctx context.Context) error {
	name := p.o.Workspace
	if name == defaultWorkspace {
		return nil // the data directory is fresh, so nothing else can be selected
	}
	_, err := p.s.run(ctx, "workspace select", p.s.env, func(*jsonlog.Sink) error { return p.s.tf.WorkspaceSelect(ctx, name) })
	var failed *diag.Error
	if errors.As(err, &failed) && ctx.Err() == nil && failed.NoWorkspace() {
		if p.o.Preview {
			return &diag.Error{Op: "workspace", ExitCode: -1, Err: fmt.Errorf("the workspace %s does not exist yet, and a preview makes none", name)}
		}
		_, err = p.s.run(ctx, "workspace new", p.s.env, func(*jsonlog.Sink) error { return p.s.tf.WorkspaceNew(ctx, name) })
		p.res.WorkspaceCreated = err == nil
	}
	if err != nil {
		return err
	}
	if err := p.inWorkspace(ctx, name); err != nil {
		return err
	}
	if p.res.WorkspaceCreated {
		p.warn("the workspace %s did not exist and was created", name)
	}
	return nil
}

// inWorkspace checks that terraform really is in a workspace.
func (p *planner) inWorkspace(ctx context.Context, name string) error {
	var got string
	_, err := p.s.run(ctx, "workspace show", p.s.env, func(*jsonlog.Sink) (err error) {
		got, err = p.s.tf.WorkspaceShow(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if got != name {
		return &diag.Error{Op: "workspace show", ExitCode: -1, Err: fmt.Errorf("terraform is in the workspace %q instead of %q", got, name)}
	}
	return nil
}

// plan runs the plan and makes its file durable.
func (p *planner) plan(ctx context.Context) error {
	o := &p.o
	tmp := filepath.Join(o.writable(), "plan.tmp")
	defer func() { _ = os.Remove(tmp) }()
	opts := []tfexec.PlanOption{tfexec.Out(tmp), tfexec.LockTimeout(o.LockTimeout.String()), tfexec.Lock(!o.NoLock)}
	for _, file := range o.VarFiles {
		opts = append(opts, tfexec.VarFile(file))
	}
	vars, err := p.writeVars()
	if err != nil {
		return err
	}
	if vars != "" {
		defer func() { _ = os.Remove(vars) }() // the plan file has them too; one place is enough
		if err := o.User.Share(vars); err != nil {
			return err
		}
		opts = append(opts, tfexec.VarFile(vars)) // the last one wins
	}
	opts = append(opts, p.kindOptions()...)
	changes, diags, err := p.s.plan(ctx, opts...)
	if err != nil {
		return err
	}
	p.res.Diagnostics = append(p.res.Diagnostics, diags...)
	p.res.Plan.Empty = !changes
	p.res.PlanFile = filepath.Join(o.OutDir, planFile)
	// What a provider or a data source has left running would change the plan after its end, or what is shown of it.
	if err := o.User.End(); err != nil {
		return err
	}
	if o.User != nil {
		p.res.Plan.Digest, err = o.takePlan(tmp, p.res.PlanFile)
	} else {
		p.res.Plan.Digest, err = sealPlan(tmp, p.res.PlanFile)
	}
	return err
}

// describe fills in the summary from the plan's JSON and the state inside the plan file.
func (p *planner) describe(ctx context.Context) error {
	var decoded *planjson.Plan
	err := p.s.stream(ctx, func(r io.Reader) (err error) {
		kept, done, err := p.keepJSON(r)
		if err != nil {
			return err
		}
		decoded, err = planjson.Parse(kept)
		return errors.Join(err, done())
	}, "show", "-json", "-no-color", p.res.PlanFile)
	if err != nil {
		return err
	}
	decoded.RefreshOnly = p.o.RefreshOnly
	if decoded.Errored {
		return &diag.Error{Op: "plan", ExitCode: -1, Err: errors.New("the plan is marked as errored and must not be applied")}
	}
	state, err := planjson.ReadState(p.res.PlanFile)
	if err != nil {
		return err
	}
	plan := decoded.Summary(p.o.Protect, p.o.Replaceable)
	if plan.Configuration, err = planjson.Configuration(p.res.PlanFile); err != nil {
		return err
	}
	plan.Digest, plan.Empty, plan.LockDigest = p.res.Plan.Digest, p.res.Plan.Empty, p.res.Plan.LockDigest
	plan.Version, plan.Binary, plan.BinaryDigest = p.o.Tool.Version, p.o.Tool.Path, p.o.Tool.Digest
	plan.NewState, plan.Lineage, plan.Serial = state.Empty(), state.Lineage, state.Serial
	p.res.Plan, p.res.Resources = plan, state.Resources
	if decoded.Complete != nil && !*decoded.Complete && !plan.Empty {
		p.warn("terraform says that this plan is not the whole change: another plan will follow it")
	}
	p.warnUnprotected(state)
	err = p.checkReplaced()
	planjson.Hide(&p.res.Plan, p.o.Redact)
	return err
}

// keepJSON copies what is read of the plan's JSON into JSONFile, if there is one; done ends that.
func (p *planner) keepJSON(r io.Reader) (kept io.Reader, done func() error, err error) {
	if p.o.JSONFile == "" {
		return r, func() error { return nil }, nil
	}
	f, err := os.OpenFile(p.o.JSONFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("keeping the plan's JSON: %w", err)
	}
	return io.TeeReader(r, f), f.Close, nil
}

// warnUnprotected tells of patterns that protect nothing: most often a typo.
func (p *planner) warnUnprotected(state planjson.State) {
	for _, pattern := range p.o.Protect {
		match := func(address string) bool { return planjson.Matches(pattern, address) }
		found := slices.ContainsFunc(state.Addresses, match) || slices.ContainsFunc(p.res.Plan.Changes,
			func(c store.Change) bool { return match(c.Address) || c.Previous != "" && match(c.Previous) })
		if !found {
			p.warn("the protect pattern %q matches nothing in the state or the plan", pattern)
		}
	}
}

// render writes the plan in terraform's words. It cannot be done later, without the providers.
func (p *planner) render(ctx context.Context) error {
	p.res.TextFile = filepath.Join(p.o.OutDir, textFile)
	if err := os.Remove(p.res.TextFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("clearing the plan's text: %w", err)
	}
	f, err := os.OpenFile(p.res.TextFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the plan's text: %w", err)
	}
	text := planjson.NewTextWriter(f, p.o.Redact)
	err = p.s.stream(ctx, func(r io.Reader) error {
		_, err := io.Copy(text, r)
		return err
	}, "show", "-no-color", p.res.PlanFile)
	for _, d := range p.res.Diagnostics {
		text.Add("\n" + d.String() + "\n")
	}
	if err := errors.Join(err, text.Finish(), f.Close()); err != nil {
		return fmt.Errorf("writing the plan's text: %w", err)
	}
	p.res.Text, p.res.Plan.TextTruncated = text.Kept()
	return nil
}

func (p *planner) warn(format string, args ...any) {
	p.res.Warnings = append(p.res.Warnings, p.o.Redact(strings.TrimSpace(fmt.Sprintf(format, args...))))
}
