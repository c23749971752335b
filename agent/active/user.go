package active

import (
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/config/trusted"
	"sallyport/agent/datadir"
	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
	"sallyport/store/disk"
)

// The users that terraform runs as, and what belongs to whom when.
//
// With numbered users each phase of a run, its plan and its apply, has one that nobody else has meanwhile. When it ends,
// everything of that user is ended and the run's directory is the agent's again; in between nobody else gets into it. A digest of
// what the plan left is stored with the plan and compared before the apply gets it.

// terraformUsers are those whom terraform runs as, who are let through to where it works: nil for the agent's own user. An agent
// that cannot become them does not start: as itself it would plan with all its rights what was written for none.
func (a *Active) terraformUsers(cfg *config.Config, old *Config) (*asuser.Pool, error) {
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
	if old != nil && old.Pool.Name() == cfg.Terraform.User && old.Pool.Of(users) {
		return old.Pool, nil // with what is at work
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
func (a *Active) takeOver(cfg *config.Config, pool *asuser.Pool) error {
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
				pool.Hold(claim.UID, WorkOf(claim.Run))
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
		if err := CloseDir(dir); err != nil {
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

// WorkOf is what a user is at work for that an apply has.
func WorkOf(run int) string { return fmt.Sprintf("the apply of #%d", run) }

// CloseDir lets nobody but the agent into a directory.
func CloseDir(dir string) error {
	if info, err := os.Lstat(dir); err != nil || info.Mode().Perm()&0o077 == 0 {
		return disk.IgnoreMissing(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("keeping others out of a run's directory: %w", err)
	}
	return nil
}

// LockOwner is what terraform writes as Who into the state locks that it takes here, but for the number of its user.
func (a *Active) LockOwner() string {
	return diag.LockOwner(a.Current.Load().Pool.Name())
}
