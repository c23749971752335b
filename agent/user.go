package agent

import (
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/terraform"
)

// terraformUser is whom terraform runs as, who is let through to where it works: nil for the agent's own user. An agent that
// cannot become the user does not start: as itself it would plan with all its rights what was written for none.
func (a *Agent) terraformUser(cfg *config.Config) (*asuser.User, error) {
	if cfg.Terraform.User == "" {
		return nil, nil
	}
	u, err := asuser.Lookup(cfg.Terraform.User)
	if err == nil {
		err = u.Ready()
	}
	if err != nil {
		return nil, err
	}
	// Not by its group: systemd gives a state directory whose group is not the unit's, with all that is in it, to the agent.
	if err := os.Chmod(cfg.DataDir, 0o711); err != nil {
		return nil, fmt.Errorf("letting terraform.user through the data directory: %w", err)
	}
	for _, dir := range []string{"runs", "state", scratchName} {
		path := filepath.Join(cfg.DataDir, dir)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("making the directories of terraform.user: %w", err)
		}
		if err := u.Enter(path); err != nil {
			return nil, err
		}
	}
	return u, a.cache.Share(u)
}

// lockOwner is what terraform writes as Who into the state locks that it takes here.
func (a *Agent) lockOwner() string {
	return terraform.LockOwner(a.world.Load().user.LoginName())
}
