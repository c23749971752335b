package terraform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// providerFault are init's errors that a package of the store can cause, or one that it lacks.
var providerFault = regexp.MustCompile(`(?i)provider packages?|install(ing)? provider|incompatible provider|dependency lock file`)

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
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("trying %s: %w", o.Stack, err)
	}
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout,
			fmt.Errorf("it has not ended after %s: %w", o.Timeout, context.DeadlineExceeded))
		defer cancel()
	}
	p := &planner{o: o}
	release, err := p.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
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
	committed, err := o.readBack(filepath.Join(o.WorkDir, lockFile))
	if err != nil {
		return fmt.Errorf("reading the lock file: %w", err)
	}
	if err := p.initialiseCached(ctx, committed); err != nil {
		return err
	}
	if err := checkBackend(o, p.keptDir); err != nil {
		return err
	}
	return p.recordLock(committed)
}

// initialiseCached decides between a normal init and one from what is kept of the stack.
func (p *planner) initialiseCached(ctx context.Context, committed []byte) error {
	o := &p.o
	if o.Cache == nil {
		return p.initOnce(ctx)
	}
	last := o.Cache.lastInit(o.Stack)
	if last != nil && last.Commit == o.Commit && last.Committed == digestOf(committed) {
		err := p.restore(last, committed)
		if err == nil {
			err = p.initOnce(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := p.reset(committed); err != nil { // what is kept is damaged, or terraform has changed
			return err
		}
	} else if last != nil && committed != nil && last.Committed == digestOf(committed) {
		// The same lock file as last time: take the one with the checksums that were missing in it.
		if lock, err := last.lock(); err == nil && lock != nil && sameSelections(committed, lock) {
			if err := replaceLock(o.WorkDir, lock, o.User); err != nil {
				return err
			}
		}
	}
	err := p.initOnce(ctx)
	var failed *diag.Error
	if errors.As(err, &failed) && failed.Transient && last != nil && ctx.Err() == nil {
		return p.initOffline(ctx, last, committed, failed)
	}
	if err != nil {
		return err
	}
	if o.Preview {
		return nil
	}
	if err := o.Cache.remember(o, committed); err != nil {
		p.warn("the lock file and modules of this run could not be kept for when the registry is away: %v", err)
	}
	return nil
}

// initOffline tries once more with what the stack used last, because the registry or a module's host is away.
func (p *planner) initOffline(ctx context.Context, last *kept, committed []byte, first *diag.Error) error {
	if p.reset(committed) != nil || p.restore(last, committed) != nil || p.initOnce(ctx) != nil {
		return first
	}
	p.warn("providers and modules are those of commit %.10s, because something could not be reached: %v", last.Commit, first)
	return nil
}

// restore puts everything that is kept into place.
func (p *planner) restore(last *kept, committed []byte) error {
	if err := last.putLock(p.o.WorkDir, committed, p.o.User); err != nil {
		return err
	}
	return last.putModules(p.o.DataDir)
}

// reset undoes what an init has left behind.
func (p *planner) reset(committed []byte) error {
	if err := replaceLock(p.o.WorkDir, committed, p.o.User); err != nil {
		return err
	}
	if err := os.RemoveAll(p.o.DataDir); err != nil {
		return fmt.Errorf("clearing terraform's data directory: %w", err)
	}
	if err := os.MkdirAll(p.o.DataDir, 0o700); err != nil {
		return fmt.Errorf("making terraform's data directory: %w", err)
	}
	return nil
}

// initOnce runs one init, from the store of providers if that has everything.
func (p *planner) initOnce(ctx context.Context) error {
	c := p.o.Cache
	if c == nil {
		return p.runInit(ctx)
	}
	before, err := p.o.readBack(filepath.Join(p.o.WorkDir, lockFile))
	if err != nil {
		return fmt.Errorf("reading the lock file: %w", err)
	}
	for refused := false; ; {
		switch t := c.temperature(p.o.WorkDir); {
		case t == free:
			return p.runInit(ctx)
		case t == warm && !refused:
			if done, err := p.initWarm(ctx, before); done {
				return err
			}
			refused = true
		}
		if again, err := p.initCold(ctx, refused); !again {
			return err
		}
	}
}

// initCold runs init with all of terraform's sources, one at a time, and stores what it has fetched. Again means that
// somebody else has filled the store while this one waited.
func (p *planner) initCold(ctx context.Context, refused bool) (again bool, err error) {
	c := p.o.Cache
	unlock, err := c.lockCold(ctx)
	if err != nil {
		return false, p.s.fail(ctx, "init", err, nil, "")
	}
	defer unlock()
	if !refused && c.temperature(p.o.WorkDir) == warm {
		return true, nil
	}
	if err := p.runInit(ctx); err != nil {
		return false, err
	}
	if err := c.adopt(&p.o, refused); err != nil {
		p.warn("providers could not be stored for later runs: %v", err)
	}
	return false, nil
}

// initWarm runs init with the store as the only source of providers. Not done means that the store did not have, or
// had in a damaged form, what terraform wanted; everything is as before then.
func (p *planner) initWarm(ctx context.Context, before []byte) (done bool, err error) {
	err = p.runInit(ctx, tfexec.PluginDir(p.o.Cache.providers()))
	if err == nil {
		after, err := p.o.readBack(filepath.Join(p.o.WorkDir, lockFile))
		if err != nil {
			return true, fmt.Errorf("reading the lock file: %w", err)
		}
		if extendsLock(after, before) {
			return true, nil
		}
		// A remote module needs more than the lock file pins. Which version is for the registry to say.
	} else if !providerTrouble(err) || ctx.Err() != nil {
		return true, err
	}
	for _, leftover := range []string{"providers", "plugin_path"} {
		if err := os.RemoveAll(filepath.Join(p.o.DataDir, leftover)); err != nil {
			return true, fmt.Errorf("clearing terraform's data directory: %w", err)
		}
	}
	return false, replaceLock(p.o.WorkDir, before, p.o.User)
}

func providerTrouble(err error) bool {
	var failed *diag.Error
	if !errors.As(err, &failed) {
		return false
	}
	return providerFault.MatchString(failed.Output) || slices.ContainsFunc(failed.Diagnostics, func(d diag.Diagnostic) bool {
		return d.IsError() && providerFault.MatchString(d.Summary)
	})
}

// runInit runs terraform init itself. Only here does terraform see the credentials of the git host.
func (p *planner) runInit(ctx context.Context, opts ...tfexec.InitOption) error {
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
	path := filepath.Join(p.o.WorkDir, lockFile)
	used, err := p.o.readBack(path)
	if err != nil {
		return fmt.Errorf("reading the lock file: %w", err)
	}
	if used == nil {
		return nil // built-in providers only
	}
	switch {
	case committed == nil:
		p.warn("no %s is committed: the next plan can use other provider versions", lockFile)
	case digestOf(used) != digestOf(committed) && sameSelections(used, committed):
		p.warn("the committed %s lacks checksums for this platform; they were added for this run only", lockFile)
	case !extendsLock(used, committed): // fewer are fine: terraform drops what nothing needs
		p.warn("the committed %s does not pin every provider; the others were chosen for this run only", lockFile)
	}
	p.res.Plan.LockDigest = digestOf(used)
	p.res.LockFile = filepath.Join(p.o.OutDir, lockCopy)
	if _, err := private.Replace(p.res.LockFile, used); err != nil {
		return fmt.Errorf("keeping the lock file: %w", err)
	}
	return nil
}
