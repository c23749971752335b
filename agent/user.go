package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/config/trusted"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/runner"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/diag"
	"sallyport/store"
	"sallyport/store/disk"
)

// The users that terraform runs as, and what belongs to whom when.
//
// With numbered users each phase of a run, its plan and its apply, has one that nobody else has meanwhile. When it ends,
// everything of that user is ended and the run's directory is the agent's again; in between nobody else gets into it. A digest of
// what the plan left is stored with the plan and compared before the apply gets it.

// terraformUsers are those whom terraform runs as, who are let through to where it works: nil for the agent's own user. An agent
// that cannot become them does not start: as itself it would plan with all its rights what was written for none.
func (a *active) terraformUsers(cfg *config.Config, old *world) (*asuser.Pool, error) {
	if cfg.Terraform.User == "" {
		return nil, nil
	}
	users, err := asuser.Find(cfg.Terraform.User)
	if err == nil {
		err = users[0].Ready()
	}
	if err != nil {
		return nil, err
	}
	// Not by its group: systemd gives a state directory whose group is not the unit's, with all that is in it, to the agent.
	if err := os.Chmod(cfg.DataDir, trusted.DataDirMode); err != nil {
		return nil, fmt.Errorf("letting terraform.user through the data directory: %w", err)
	}
	for _, path := range []string{datadir.Runs(cfg.DataDir), datadir.States(cfg.DataDir), datadir.Scratch(cfg.DataDir)} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("making the directories of terraform.user: %w", err)
		}
		if err := users[0].Public().Enter(path); err != nil {
			return nil, err
		}
	}
	if err := a.cache.Share(users[0]); err != nil {
		return nil, err
	}
	if old != nil && old.pool.Name() == cfg.Terraform.User && old.pool.Of(users) {
		return old.pool, nil // with what is at work
	}
	pool, err := asuser.NewPool(asuser.PoolOptions{
		Name: cfg.Terraform.User, Users: users, Common: asuser.CommonLocks, Dir: datadir.UserLocks(cfg.DataDir),
	})
	if err != nil {
		return nil, err
	}
	return pool, a.takeOver(cfg, pool)
}

// takeOver finds out which users are still at work for applies that an agent before this one started, and cleans up after the
// others: whatever a killed agent has left running of a plan ends here, and what was given to a user is the agent's again.
func (a *active) takeOver(cfg *config.Config, pool *asuser.Pool) error {
	if pool.Shared() {
		return nil
	}
	runs := datadir.Runs(cfg.DataDir)
	entries, err := os.ReadDir(runs)
	if err != nil {
		return fmt.Errorf("listing the runs' directories: %w", err)
	}
	var idle []string
	for _, e := range entries {
		dir := filepath.Join(runs, e.Name())
		claim, over, found := runner.Claimed(dir)
		if found && !over && claim.UID != 0 {
			state, err := runner.Attach(dir)
			if err != nil || state.StillHeld || state.Phase == runner.Running { // what cannot be looked at may live
				pool.Hold(claim.UID, workOf(claim.Run))
				continue
			}
			// From here on processes of that user are another run's.
			if err := runner.Vacate(dir); err != nil {
				return err
			}
		}
		if e.IsDir() {
			idle = append(idle, dir)
		}
	}
	pool.Clear()
	for _, dir := range idle {
		if err := closeDir(dir); err != nil {
			return err
		}
	}
	states, err := os.ReadDir(datadir.States(cfg.DataDir))
	if err != nil {
		return fmt.Errorf("listing the states: %w", err)
	}
	for _, e := range states {
		dir := filepath.Join(datadir.States(cfg.DataDir), e.Name())
		if owner, err := asuser.Owner(dir); err != nil || owner == os.Geteuid() || pool.Busy(owner) {
			continue // what cannot be looked at is told when its stack is planned
		}
		if err := asuser.Reclaim(dir, pool.Owners()...); err != nil {
			a.log.Error("taking back a state", "dir", dir, "err", err)
		}
	}
	return nil
}

// workOf is what a user is at work for that an apply has.
func workOf(run int) string { return fmt.Sprintf("the apply of #%d", run) }

// closeDir lets nobody but the agent into a directory.
func closeDir(dir string) error {
	if info, err := os.Lstat(dir); err != nil || info.Mode().Perm()&0o077 == 0 {
		return disk.IgnoreMissing(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("keeping others out of a run's directory: %w", err)
	}
	return nil
}

// A phase is a user at work in a directory of the agent's. Without a second user all its methods do nothing.
type phase struct {
	pool  *asuser.Pool
	turn  *asuser.Turn
	dirs  []string // let in to, outermost first; what is given to the user is in the last
	state string   // the stack's, if the user gets it
	let   func()   // lets go of the state
	over  bool     // everything is the agent's again
}

// begin takes a user for work on a stack in a directory. With state it may get the one that the agent keeps.
func (a *engines) begin(ctx context.Context, w *world, work asuser.Work, s *config.Stack, state bool, dirs ...string) (*phase, error) {
	turn, err := w.pool.Take(ctx, work)
	if err != nil {
		return nil, fmt.Errorf("waiting for one of terraform.user's users: %w", err)
	}
	p := &phase{pool: w.pool, turn: turn, dirs: dirs, let: func() {}}
	if u := turn.Who(); u != nil && u.Exclusive && state {
		p.state = datadir.State(w.cfg.DataDir, s.Name)
		let, held := a.states.hold(ctx, s.Name)
		if err = held; err == nil {
			p.let, err = let, p.reclaim(p.state)
		}
	}
	for _, dir := range dirs {
		err = errors.Join(err, turn.Who().Enter(dir))
	}
	if err != nil {
		p.end()
		return nil, err
	}
	fault.Point("user at work")
	return p, nil
}

func (p *phase) user() *asuser.User { return p.turn.Who() }

// givenDirs are the parts of a plan's directory that its user writes to.
var givenDirs = []string{sourceDir, homeDir, dataDir, filepath.Join(planDir, "tmp")}

// settle ends everything of the user's and makes what it had the agent's.
func (p *phase) settle() error {
	u := p.user()
	if u == nil || p.over {
		return nil
	}
	if err := u.End(); err != nil {
		return err
	}
	for _, dir := range p.dirs {
		if err := closeDir(dir); err != nil {
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
	if u := p.user(); u == nil || !u.Exclusive {
		return "", nil
	}
	return asuser.Digest(p.dirs[len(p.dirs)-1], givenDirs...)
}

// end gives the user back. It returns what could not be made the agent's again.
func (p *phase) end() error {
	if p == nil {
		return nil
	}
	err := p.settle()
	p.turn.Close()
	p.let()
	return err
}

// errChanged: what lies in a run's directory is not what its plan left there.
var errChanged = errors.New("the files of the run are not what they were when its plan had ended")

// sameTree compares what lies in a run's directory with what its plan left.
func (a *engines) sameTree(w *world, run *store.Run) error {
	if run.Plan.Tree == "" {
		return nil
	}
	base := planBase(w.cfg.DataDir, run)
	have, err := asuser.Digest(base, givenDirs...)
	if errors.Is(err, asuser.ErrNotOurs) { // an agent was killed while it gave them to the apply's user, whom Clear has ended
		for _, name := range givenDirs {
			if err := disk.IgnoreMissing(asuser.Reclaim(filepath.Join(base, name), w.pool.Owners()...)); err != nil {
				return err
			}
		}
		have, err = asuser.Digest(base, givenDirs...)
	}
	if err != nil {
		return err
	}
	if have != run.Plan.Tree {
		return errChanged
	}
	return nil
}

// give lets the user of an apply at what the plan has left.
func (p *phase) give() error {
	u := p.user()
	if u == nil {
		return nil
	}
	dir := p.dirs[len(p.dirs)-1]
	own := []string{sourceDir, homeDir, filepath.Join(planDir, "tmp")}
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
		if err := disk.IgnoreMissing(u.Share(filepath.Join(dir, dataDir))); err != nil {
			return err
		}
	}
	fault.Point("directory given to the apply")
	return terraform.LendForApply(filepath.Join(dir, planDir), u)
}

// leave leaves the user to a runner; see giveBack.
func (p *phase) leave() error {
	p.let()
	return p.turn.Leave()
}

// giveBack takes back the user of an apply of which nothing lives any more, with what it had.
func (a *engines) giveBack(run *store.Run) error {
	w := a.world.Load() // not of the time when the apply began: its pool may have another one's place
	dir := datadir.Run(w.cfg.DataDir, run.ID)
	claim, over, found := runner.Claimed(dir)
	if w.pool == nil || !found {
		return nil
	}
	if w.pool.Shared() {
		w.pool.Return(w.pool.Anyone().UID, workOf(run.ID))
		return closeDir(dir)
	}
	u := w.pool.User(claim.UID)
	if u == nil {
		return nil
	}
	// Not twice at a time, and not while the next plan of the stack takes it.
	let, err := a.states.hold(context.Background(), run.Stack)
	if err != nil {
		return err
	}
	defer let()
	if w.pool.Works(claim.UID, workOf(run.ID)) { // else it is at work for another run
		if err := u.End(); err != nil {
			return err
		}
	}
	if err := closeDir(dir); err != nil {
		return err
	}
	state := datadir.State(w.cfg.DataDir, run.Stack)
	if owner, err := asuser.Owner(state); err == nil && owner == claim.UID {
		if err := asuser.Reclaim(state, w.pool.Owners()...); err != nil {
			return err
		}
	}
	if !over {
		if err := runner.Vacate(dir); err != nil {
			return err
		}
	}
	w.pool.Return(claim.UID, workOf(run.ID))
	fault.Point("user given back")
	a.wake()
	return nil
}

// lockOwner is what terraform writes as Who into the state locks that it takes here, but for the number of its user.
func (a *active) lockOwner() string {
	return diag.LockOwner(a.world.Load().pool.Name())
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

// usersKeptBack says why a run cannot get a user, if none of them will be free by itself.
func usersKeptBack(p *asuser.Pool) string {
	stuck := p.Stuck()
	if p.Size() == 0 || len(stuck) < p.Size() {
		return ""
	}
	return fmt.Sprintf("none of the %d users of terraform.user can be used: %v", p.Size(), stuck[0])
}
