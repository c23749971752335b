package terraform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
	"sallyport/agent/proc"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/cliconfig"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/environ"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/private"
	"sallyport/notify/redact"
)

// purpose is what terraform is run for, in the words of errors.
type purpose struct {
	doing string // to the stack: planning, unlocking, ...
	late  string // the error of the context when its time is over, with the time and the context's own error
}

// tooSlow is the error of a context without words of its own.
const tooSlow = "it has not ended after %s: %w"

// begin prepares terraform to be run in the root module until end is called. The context that it returns has the options' deadline.
func begin(ctx context.Context, o PlanOptions, why purpose) (limited context.Context, p *planner, end func(), err error) {
	if err := o.validate(); err != nil {
		return nil, nil, nil, fmt.Errorf("%s %s: %w", why.doing, o.Stack, err)
	}
	cancel := func() {}
	if o.Timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf(why.late, o.Timeout, context.DeadlineExceeded))
	}
	p = &planner{o: o}
	release, err := p.prepare(ctx)
	if err != nil {
		cancel()
		return nil, nil, nil, err
	}
	return ctx, p, func() {
		defer cancel()
		release()
	}, nil
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
	if p.declared, err = o.dir().Variables(); err != nil {
		return nil, err
	}
	if err := writeEarlyVars(p); err != nil {
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
	var removeTemp func() error
	if env.TempDir, removeTemp, err = proc.TempDir(tmp); err != nil {
		return nil, err
	}
	if err := o.User.Own(env.TempDir); err != nil {
		return nil, errors.Join(err, removeTemp())
	}
	p.s = &session{tool: o.Tool, dir: o.WorkDir, env: environ.Build(env), user: o.User, redact: o.Redact, grace: o.Grace}
	giveBackTool, err := p.borrow()
	if err != nil {
		return nil, errors.Join(err, removeTemp())
	}
	giveBack := func() {
		giveBackTool()
		_ = removeTemp() // what a process that lives on has there keeps it, and goes with the machine's /tmp
	}
	if o.AWS == nil {
		return giveBack, nil
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

// borrow gives the session what executes terraform, and returns what gives it back.
func (p *planner) borrow() (giveBack func(), err error) {
	o := &p.o
	giveBack = func() {}
	start := binary.Direct
	if o.User != nil {
		start = binary.Wrapped
	}
	if o.Cache != nil {
		p.s.tf, p.s.kept, giveBack, err = o.Cache.Slots.Borrow(binary.Borrow{Tool: o.Tool, WorkDir: o.WorkDir, Start: start, Keeper: o.keeps()})
	} else {
		p.s.tf, err = o.Tool.In(o.WorkDir, start)
		if err == nil && o.keeps() {
			p.s.kept, err = o.Tool.In(o.WorkDir, binary.Wrapped)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, tf := range []*tfexec.Terraform{p.s.tf, p.s.kept} {
		if tf == nil {
			continue
		}
		if err := tf.SetWaitDelay(o.Grace); err != nil {
			giveBack()
			return nil, fmt.Errorf("preparing terraform: %w", err)
		}
	}
	return giveBack, nil
}

// handOver gives to another user what terraform writes to, when everything is in it.
func (p *planner) handOver(tmp string) error {
	o := &p.o
	if o.User == nil {
		return nil
	}
	if p.keptDir && o.NoLock {
		// What is planned without a lock is nothing that anybody has agreed to; it must not write to the state.
		copied := filepath.Join(o.OutDir, "state")
		if err := errors.Join(os.RemoveAll(copied), keptstate.CopyTree(copied, o.StateDir)); err != nil {
			return fmt.Errorf("copying the state: %w", err)
		}
		if err := os.Remove(filepath.Join(o.WorkDir, keptstate.OverrideFile)); err != nil {
			return fmt.Errorf("naming the copy of the state: %w", err)
		}
		o.StateDir = copied
		if err := keptstate.WriteOverride(o.WorkDir, copied); err != nil {
			return err
		}
	}
	own := []string{tmp, o.Source}
	if o.Home != "" {
		if err := os.MkdirAll(o.Home, 0o700); err != nil {
			return fmt.Errorf("making a home: %w", err)
		}
		own = append(own, o.Home)
	}
	if p.keptDir {
		own = append(own, o.StateDir)
	}
	for _, path := range own {
		if err := o.User.Own(path); err != nil {
			return err
		}
	}
	return o.User.Enter(o.OutDir)
}

// settle ends whatever init has left running and makes what it brought the agent's, to be read by the user: from here on code of
// the repository's runs, and what it is built from must be what init has verified.
func (p *planner) settle(context.Context) error {
	o := &p.o
	if o.User == nil || !o.User.Exclusive {
		return nil
	}
	if err := o.User.End(); err != nil {
		return err
	}
	if err := asuser.Reclaim(o.DataDir); err != nil {
		return err
	}
	return o.User.Share(o.DataDir)
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

// ownConfig puts a configuration of terraform's command line beside the plan: an empty one, or one that knows the mirror, or for
// another user a copy of the configured one, which may lie where only the agent gets.
func (o *PlanOptions) ownConfig() error {
	if o.CLIConfigFile != "" && o.User == nil && !o.WithoutCredentials {
		return nil
	}
	text := cliconfig.Mirror(o.Mirror)
	if o.CLIConfigFile != "" {
		var err error
		if text, err = os.ReadFile(o.CLIConfigFile); err != nil {
			return fmt.Errorf("reading terraform's cli_config_file: %w", err)
		}
		if o.WithoutCredentials {
			if text, err = cliconfig.WithoutCredentials(text); err != nil {
				return err
			}
		}
	}
	rc, err := private.Lend(o.User, filepath.Join(o.OutDir, rcFile), text)
	if err != nil {
		return err
	}
	o.CLIConfigFile = rc
	return nil
}

// writable is the directory beside the plan that terraform may write to: to OutDir itself only the agent may.
func (o *PlanOptions) writable() string {
	if o.User == nil {
		return o.OutDir
	}
	return filepath.Join(o.OutDir, "tmp")
}
