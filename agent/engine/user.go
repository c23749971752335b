package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform"
	"sallyport/store"
	"sallyport/store/disk"
)

// A phase is a user at work in a directory of the agent's. Without a second user all its methods do nothing.
type phase struct {
	pool  *asuser.Pool
	Turn  *asuser.Turn
	dirs  []string // let in to, outermost first; what is given to the user is in the last
	state string   // the stack's, if the user gets it
	let   func()   // lets go of the state
	over  bool     // everything is the agent's again
}

// Begin takes a user for work on a stack in a directory. With state it may get the one that the agent keeps.
func (e *Engines) Begin(ctx context.Context, conf *active.Config, work asuser.Work, s *config.Stack, state bool, dirs ...string) (*phase, error) {
	turn, err := conf.Pool.Take(ctx, work)
	if err != nil {
		return nil, fmt.Errorf("waiting for one of terraform.user's users: %w", err)
	}
	p := &phase{pool: conf.Pool, Turn: turn, dirs: dirs, let: func() {}}
	if state {
		err = e.takeState(ctx, conf, s, p)
	}
	for _, dir := range dirs {
		err = errors.Join(err, turn.Who().Enter(dir))
	}
	if err != nil {
		p.End()
		return nil, err
	}
	fault.Point("user at work")
	return p, nil
}

// takeState takes the state that the agent keeps for a phase, as it was before a plan that nobody saw the end of.
func (e *Engines) takeState(ctx context.Context, conf *active.Config, s *config.Stack, p *phase) error {
	let, err := e.states.hold(ctx, s.Name)
	if err != nil {
		return err
	}
	p.let = let
	state := datadir.State(conf.Cfg.DataDir, s.Name)
	if u := p.User(); u != nil && u.Exclusive {
		p.state = state
		if err := p.reclaim(state); err != nil {
			return err
		}
	}
	return e.putBack(conf.Cfg.DataDir, s.Name)
}

func (p *phase) User() *asuser.User { return p.Turn.Who() }

// givenDirs are the parts of a plan's directory that its user writes to.
var givenDirs = []string{rundir.SourceDir, rundir.HomeDir, rundir.DataDir, filepath.Join(rundir.PlanDir, "tmp")}

// settle ends everything of the user's and makes what it had the agent's.
func (p *phase) settle() error {
	u := p.User()
	if u == nil || p.over {
		return nil
	}
	if err := u.End(); err != nil {
		return err
	}
	for _, dir := range p.dirs {
		if err := active.CloseDir(dir); err != nil {
			return err
		}
	}
	if !u.Exclusive {
		p.over = true
		return nil // processes of other runs may be at work as the same user
	}
	dir := p.dirs[len(p.dirs)-1]
	for _, name := range givenDirs {
		if err := p.reclaim(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if p.state != "" {
		if err := p.reclaim(p.state); err != nil {
			return err
		}
	}
	p.over = true
	fault.Point("directory taken back")
	return nil
}

func (p *phase) reclaim(dir string) error {
	return disk.IgnoreMissing(asuser.Reclaim(dir, p.pool.Owners()...))
}

// digest is that of what a plan has left; empty without users of its own.
func (p *phase) digest() (string, error) {
	if u := p.User(); u == nil || !u.Exclusive {
		return "", nil
	}
	return asuser.Digest(p.dirs[len(p.dirs)-1], givenDirs...)
}

// End gives the user back. It returns what could not be made the agent's again.
func (p *phase) End() error {
	if p == nil {
		return nil
	}
	err := p.settle()
	p.Turn.Close()
	p.let()
	return err
}

// ErrChanged: what lies in a run's directory is not what its plan left there.
var ErrChanged = errors.New("the files of the run are not what they were when its plan had ended")

// SameTree compares what lies in a run's directory with what its plan left.
func (e *Engines) SameTree(conf *active.Config, run *store.Run) error {
	if run.Plan.Tree == "" {
		return nil
	}
	base := rundir.PlanBase(conf.Cfg.DataDir, run)
	have, err := asuser.Digest(base, givenDirs...)
	if errors.Is(err, asuser.ErrNotOurs) { // an agent was killed while it gave them to the apply's user, whom Clear has ended
		for _, name := range givenDirs {
			if err := disk.IgnoreMissing(asuser.Reclaim(filepath.Join(base, name), conf.Pool.Owners()...)); err != nil {
				return err
			}
		}
		have, err = asuser.Digest(base, givenDirs...)
	}
	if err != nil {
		return err
	}
	if have != run.Plan.Tree {
		return ErrChanged
	}
	return nil
}

// Give lets the user of an apply at what the plan has left.
func (p *phase) Give() error {
	u := p.User()
	if u == nil {
		return nil
	}
	dir := p.dirs[len(p.dirs)-1]
	own := []string{rundir.SourceDir, rundir.HomeDir, filepath.Join(rundir.PlanDir, "tmp")}
	if !u.Exclusive {
		own = nil // it has them
	}
	if p.state != "" {
		own = append(own, p.state)
	}
	for _, name := range own {
		path := name
		if !filepath.IsAbs(name) {
			path = filepath.Join(dir, name)
		}
		if err := disk.IgnoreMissing(u.Own(path)); err != nil {
			return err
		}
	}
	if u.Exclusive {
		if err := disk.IgnoreMissing(u.Share(filepath.Join(dir, rundir.DataDir))); err != nil {
			return err
		}
	}
	fault.Point("directory given to the apply")
	return terraform.LendForApply(filepath.Join(dir, rundir.PlanDir), u)
}

// Leave leaves the user to a runner; see [Engines.GiveBack].
func (p *phase) Leave() error {
	p.let()
	return p.Turn.Leave()
}

// GiveBack takes back the user of an apply of which nothing lives any more, with what it had.
func (e *Engines) GiveBack(run *store.Run) error {
	conf := e.active.Current.Load() // not of the time when the apply began: its pool may have another one's place
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	claim, over, found := runner.Claimed(dir)
	if conf.Pool == nil || !found {
		return nil
	}
	if conf.Pool.Shared() {
		conf.Pool.Return(conf.Pool.Anyone().UID, active.WorkOf(run.ID))
		return active.CloseDir(dir)
	}
	u := conf.Pool.User(claim.UID)
	if u == nil {
		return nil
	}
	// Not twice at a time, and not while the next plan of the stack takes it.
	let, err := e.states.hold(context.Background(), run.Stack)
	if err != nil {
		return err
	}
	defer let()
	if conf.Pool.Works(claim.UID, active.WorkOf(run.ID)) { // else it is at work for another run
		if err := u.End(); err != nil {
			return err
		}
	}
	if err := active.CloseDir(dir); err != nil {
		return err
	}
	state := datadir.State(conf.Cfg.DataDir, run.Stack)
	if owner, err := asuser.Owner(state); err == nil && owner == claim.UID {
		if err := asuser.Reclaim(state, conf.Pool.Owners()...); err != nil {
			return err
		}
	}
	if !over {
		if err := runner.Vacate(dir); err != nil {
			return err
		}
	}
	conf.Pool.Return(claim.UID, active.WorkOf(run.ID))
	fault.Point("user given back")
	e.bell.Wake()
	return nil
}

// holds are things that one goroutine has at a time, by name.
type holds struct {
	mu sync.Mutex
	m  map[string]chan struct{} // closed when it is let go
}

// hold waits until nobody has it.
func (h *holds) hold(ctx context.Context, name string) (let func(), err error) {
	for {
		h.mu.Lock()
		taken := h.m[name]
		if taken == nil {
			if h.m == nil {
				h.m = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			h.m[name] = done
			h.mu.Unlock()
			return sync.OnceFunc(func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				delete(h.m, name)
				close(done)
			}), nil
		}
		h.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
