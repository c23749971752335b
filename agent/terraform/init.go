package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// initWaitDelay is how long an init that cannot change anything may take to end after its SIGINT: it holds no lock.
const initWaitDelay = 5 * time.Second

// InitResult is what [Init] has found.
type InitResult struct {
	// StateKept: the configuration names no lasting place for its state, so it would be in StateDir. It was not read.
	StateKept bool
	// NoWorkspace: the backend answers, and has no workspace of that name yet. The first plan makes it.
	NoWorkspace bool
	NoState     bool // the backend answers, and holds no state yet
	Resources   int  // managed objects in the state
}

// Init tries the providers, modules and backend of a stack without planning: it runs terraform init as [Plan] would,
// and then reads the state, which proves the credentials of a backend that asks for nothing before. The state's content
// is counted and dropped.
//
// It takes no state lock and makes no workspace. Backends that write an empty state when they meet none, as gcs
// does, do so here too: every terraform init makes them. WorkDir, DataDir, OutDir and StateDir are used and filled
// as by Plan; VarFiles, Vars, NoLock, LockTimeout and Protect are not looked at.
//
// The error is an [*diag.Error] where terraform is the reason; it unwraps to context.DeadlineExceeded after Timeout.
func Init(ctx context.Context, o PlanOptions) (*InitResult, error) {
	ctx, p, end, err := begin(ctx, o, purpose{"trying", tooSlow})
	if err != nil {
		return nil, err
	}
	defer end()
	if err := p.s.tf.SetWaitDelay(initWaitDelay); err != nil {
		return nil, fmt.Errorf("preparing terraform: %w", err)
	}
	defer func() { _ = p.s.tf.SetWaitDelay(binary.Grace) }() // plans borrow the same value from the cache
	if err := p.initialise(ctx); err != nil {
		return nil, err
	}
	if p.keptDir {
		return &InitResult{StateKept: true}, nil
	}
	return p.readState(ctx)
}

// readState counts what is in the state. A missing workspace is not made, and not read either: some backends would make it
// for that.
func (p *planner) readState(ctx context.Context) (*InitResult, error) {
	if name := p.o.Workspace; name != defaultWorkspace {
		_, err := p.s.run(ctx, "workspace select", p.s.env, func(*jsonlog.Sink) error { return p.s.tf.WorkspaceSelect(ctx, name) })
		var failed *diag.Error
		if errors.As(err, &failed) && ctx.Err() == nil && failed.NoWorkspace() {
			return &InitResult{NoWorkspace: true}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	var text string
	_, err := p.s.run(ctx, "state pull", p.s.env, func(*jsonlog.Sink) (err error) {
		text, err = p.s.tf.StatePull(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return &InitResult{NoState: true}, nil
	}
	state, err := planjson.ParseState(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	return &InitResult{NoState: state.Empty(), Resources: state.Resources}, nil
}

// initialise runs init with what is kept from earlier runs where that is the same or all that can be had.
func (p *planner) initialise(ctx context.Context) error {
	o := &p.o
	committed, err := o.root().ReadLock()
	if err != nil {
		return err
	}
	in := cache.Init{Root: o.root(), Sources: cache.Sources{Tool: o.Tool, CLIConfigFile: o.CLIConfigFile}, Preview: o.Preview,
		Asked: o.Asked, Same: o.same(p.keptDir), Warn: p.warn, Run: p.runInit}
	if p.reused = o.Cache.Reuse(in, committed); !p.reused {
		err = o.Cache.Init(ctx, in, committed)
	}
	var waited *cache.WaitError
	if errors.As(err, &waited) {
		return p.s.fail(ctx, "init", waited.Err, nil, "")
	}
	if err != nil {
		return err
	}
	if len(p.res.Diagnostics) > 0 { // people are to read them with each plan
		o.Cache.Forget(o.Stack)
	}
	if err := checkBackend(o, p.keptDir); err != nil {
		o.Cache.Forget(o.Stack)
		return err
	}
	return p.recordLock(committed)
}

// same is the digest of what decides what init brings and is neither in the checkout nor with the tool; empty where init is to run in any
// case: what backend_config says would else be in what is kept of it.
func (o *PlanOptions) same(keptDir bool) string {
	dir, err := filepath.Rel(o.Source, o.WorkDir)
	if err != nil || !o.KeepInit || len(o.BackendConfig) > 0 {
		return ""
	}
	var git credentials.Git
	if o.GitAccess != nil {
		git = *o.GitAccess
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %t %q %q %q %q %q %q %q", dir, o.Workspace, o.StateDir, keptDir, revealAll(o.Env), revealAll(o.PlanEnv),
		git.URL, git.ModulesFrom, git.CAFile, git.SSHKeyFile, git.KnownHostsFile))
	return hex.EncodeToString(sum[:])
}

// runInit runs terraform init itself. Only here does terraform see the credentials of the git host.
func (p *planner) runInit(ctx context.Context, pluginDir string) error {
	var opts []tfexec.InitOption
	if pluginDir != "" {
		opts = append(opts, tfexec.PluginDir(pluginDir))
	}
	file, err := writeBackendConfig(p.o.OutDir, p.o.BackendConfig)
	if err != nil {
		return err
	}
	if file != "" {
		defer func() { _ = os.Remove(file) }()
		if err := p.o.User.Share(file); err != nil {
			return err
		}
		opts = append(opts, tfexec.BackendConfig(file))
	}
	git, err := p.o.GitAccess.Lend(credentials.Borrower{Dir: p.o.OutDir, User: p.o.User, Preview: p.o.Preview}, p.s.env)
	if err != nil {
		return err
	}
	defer git.End()
	if err := p.o.User.Own(p.o.DataDir); err != nil { // now that everything kept is in it
		return err
	}
	diags, err := p.s.initialise(ctx, environ.With(p.s.env, git.Env), opts...)
	if err != nil {
		return git.Explain(err)
	}
	p.res.Diagnostics = diags
	return nil
}

// recordLock copies the lock file as used beside the plan, and tells of what is wrong with the committed one.
func (p *planner) recordLock(committed []byte) error {
	used, err := p.o.root().ReadLock()
	if err != nil {
		return err
	}
	if used == nil {
		return nil // built-in providers only
	}
	if warning := cache.LockWarning(used, committed); warning != "" {
		p.warn("%s", warning)
	}
	p.res.Plan.LockDigest = cache.LockDigest(used)
	p.res.LockFile = filepath.Join(p.o.OutDir, lockCopy)
	if _, err := private.Replace(p.res.LockFile, used); err != nil {
		return fmt.Errorf("keeping the lock file: %w", err)
	}
	return nil
}
