package terraform

import (
	"cmp"
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

	"sallyport/agent/contain"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/planfile"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/rootmodule"
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

// planner is one plan under way.
type planner struct {
	o        PlanOptions
	s        *session
	res      PlanResult
	keptDir  bool                           // the agent keeps the state
	reused   bool                           // init was left out; see [cache.Cache.Reuse]
	noted    bool                           // what that state was when the plan began is written down; see copyState
	declared map[string]rootmodule.Variable // the variables of the root module; of a plan only
	late     atomic.Pointer[error]          // the first time that credentials were not renewed
}

// Plan runs init, plan and show, and returns what people decide on. The error is an [*diag.Error] where terraform, or the
// lack of it, is the reason; it unwraps to the context's error when that ended the plan. With KeepInit a [*cache.MisfitError] says that it is to
// be called again, in a fresh checkout.
func Plan(ctx context.Context, o PlanOptions) (*PlanResult, error) {
	ctx, p, end, err := begin(ctx, o, purpose{"planning", "plan_timeout of %s has passed: %w"})
	if err != nil {
		return nil, err
	}
	defer end()
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
	for _, step := range []func(context.Context) error{p.initialise, p.workspace, p.settle, p.plan, p.shows} {
		if err := step(ctx); err != nil {
			if p.reused && ctx.Err() == nil {
				return p.o.Cache.Misfit(p.o.Stack, err)
			}
			return err
		}
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
	values, err := p.vars()
	if err != nil {
		return err
	}
	again, err := p.applyVars(values)
	if err != nil {
		return err
	}
	vars, err := writeVars(o.OutDir, values)
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
		return p.explainRemoteState(err)
	}
	p.res.Diagnostics = append(p.res.Diagnostics, diags...)
	p.res.Plan.Empty = !changes
	p.res.PlanFile = filepath.Join(o.OutDir, planFile)
	// What a provider or a data source has left running would change the plan after its end, or what is shown of it.
	if err := o.User.End(); err != nil {
		return err
	}
	if o.User != nil {
		p.res.Plan.Digest, err = planfile.Take(tmp, p.res.PlanFile, o.User)
	} else {
		p.res.Plan.Digest, err = planfile.Seal(tmp, p.res.PlanFile)
	}
	if err != nil {
		return err
	}
	return keepApplyVars(p, again)
}

// shows has terraform show the plan twice at a time, once for this program and once for people: most of each is terraform's own start,
// and neither needs the other.
func (p *planner) shows(ctx context.Context) error {
	began := time.Now()
	ctx, end := context.WithCancel(ctx)
	defer end()
	var text *planjson.TextWriter
	var err, failed error
	var both contain.Carrier
	both.Go("reading the plan", func() {
		if err = p.describe(ctx); err != nil {
			end()
		}
	})
	both.Go("writing the plan's text", func() { text, failed = p.render(ctx) })
	both.Wait()
	p.s.spent += time.Since(began)
	if err := cmp.Or(err, failed); err != nil {
		return err
	}
	p.res.TextFile = filepath.Join(p.o.OutDir, textFile)
	p.res.Text, p.res.Plan.TextTruncated = text.Kept()
	return nil
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
	state, configuration, err := p.inside(ctx)
	if err != nil {
		return err
	}
	plan := decoded.Summary(p.o.Protect, p.o.Replaceable)
	plan.Configuration = configuration
	plan.Digest, plan.Empty, plan.LockDigest, plan.VarsDigest = p.res.Plan.Digest, p.res.Plan.Empty, p.res.Plan.LockDigest, p.res.Plan.VarsDigest
	plan.Version, plan.Binary, plan.BinaryDigest = p.o.Tool.Version, p.o.Tool.Path, p.o.Tool.Digest
	if p.o.Tool.OpenTofu {
		plan.Program = "OpenTofu"
	}
	plan.NewState, plan.Lineage, plan.Serial = state.Empty(), state.Lineage, state.Serial
	plan.Kept = p.keptDir
	p.res.Plan, p.res.Resources, p.res.Addresses = plan, state.Resources, state.Addresses
	if decoded.Complete != nil && !*decoded.Complete && !plan.Empty && len(p.o.Targets) == 0 { // a targeted one never is
		p.warn("terraform says that this plan is not the whole change: another plan will follow it")
	}
	p.warnUnprotected(state)
	p.warnVersionFile()
	err = errors.Join(p.checkTargeted(state.Addresses), p.checkReplaced())
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

// render writes the plan in terraform's words, into the file for them. It cannot be done later, without the providers.
func (p *planner) render(ctx context.Context) (*planjson.TextWriter, error) {
	file := filepath.Join(p.o.OutDir, textFile)
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("clearing the plan's text: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the plan's text: %w", err)
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
		return nil, fmt.Errorf("writing the plan's text: %w", err)
	}
	return text, nil
}

func (p *planner) warn(format string, args ...any) {
	p.res.Warnings = append(p.res.Warnings, p.o.Redact(strings.TrimSpace(fmt.Sprintf(format, args...))))
}
