package trials

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/keptstate"
	"sallyport/store"
)

// errMoved is the end of a comparison of plans that were not made on one state.
var errMoved = errors.New("its state was written to between the two plans, so that comparing them says nothing")

// compare plans a stack with both programs, one after the other, at the branch's newest commit. With an error the result says what is
// known even so.
func (t *Trials) compare(ctx context.Context, conf *active.Config, name string, tool binary.Tool, called string) (r control.TrialResult, err error) {
	r.Stack, r.Differences = name, []string{}
	s := conf.Stack(name)
	if s == nil {
		return r, errors.New("the stack left the configuration")
	}
	if r.Commit, err = t.head(s); err != nil {
		return r, err
	}
	configured, err := t.active.FindTool(ctx, conf, s.Tool)
	if err != nil {
		return r, err
	}
	p := pair{configured: toolName(s, configured), tool: called}
	r.Configured = p.configured
	was, err := t.plan(ctx, conf, s, r.Commit, configured)
	if err != nil {
		return r, fmt.Errorf("not tried: %s, which is configured, cannot plan it either: %w", p.configured, err)
	}
	p.was, r.Was = &was.Plan, control.PlanOf(&was.Plan)
	fault.Point("trial half done")
	now, err := t.plan(ctx, conf, s, r.Commit, tool)
	if err != nil {
		return r, err
	}
	p.now = &now.Plan
	if p.moved() {
		return r, hint.With(errMoved, "try again when nothing is applied")
	}
	commit, name := r.Commit, r.Stack
	r = p.result()
	r.Commit, r.Stack = commit, name
	return r, nil
}

// head is the commit at which a person's plan would be made.
func (t *Trials) head(s *config.Stack) (commit string, err error) {
	err = t.store.View(func(tx *store.Tx) error {
		repository, err := tx.Repository(s.Repository)
		if err == nil {
			commit = repository.Head
		}
		return err
	})
	if err == nil && commit == "" {
		err = hint.Refuse("see sallyport status; the first poll must succeed once", "repository %s was not read yet", s.Repository)
	}
	return commit, err
}

// plan makes one of the two. Nothing that it brings along stays: no workspace is made, and what is kept of the stack's last init is not
// replaced. A state that the agent keeps is copied first.
func (t *Trials) plan(ctx context.Context, conf *active.Config, s *config.Stack, commit string, tool binary.Tool) (*terraform.PlanResult, error) {
	dir := datadir.Trial(conf.Cfg.DataDir, s.Name)
	return t.engines.PlanAside(ctx, conf, s, engine.Aside{
		Name: "a trial of another terraform on " + s.Name, Session: "trial", Dir: dir, Commit: commit, Tool: tool,
		Adjust: func(o *terraform.PlanOptions) error {
			o.Preview = true
			if o.GitAccess != nil { // the commit is the branch's own, and nobody's pull request
				git := *o.GitAccess
				git.LendToPreviews = true
				o.GitAccess = &git
			}
			run := &store.Run{Stack: s.Name, Repository: s.Repository, Kind: store.KindManual, Commit: commit}
			if _, _, err := t.ledger.UseImages(run, s, o); err != nil {
				return err
			}
			copied := filepath.Join(dir, "state")
			if err := keptstate.CopyTree(copied, o.StateDir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("copying the state: %w", err)
			}
			o.StateDir = copied
			return nil
		},
	})
}
