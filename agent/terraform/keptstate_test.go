package terraform

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
	"sallyport/agent/terraform/diag"
)

// What runs while a plan is made can write where the agent keeps the state. Nothing of that stays.
func TestAPlanChangesNoKeptState(t *testing.T) {
	need.Root(t, "only root can give files away")
	t.Parallel()
	user := &asuser.User{Name: "somebody", UID: 23456, GID: 23456, Exclusive: true, Neutral: 1879048195}
	for name, c := range map[string]struct {
		does func(t *testing.T, dir string) error
		made bool // terraform made the workspace
		want string
	}{
		"nothing": {does: func(*testing.T, string) error { return nil }},
		"a lock is left": {does: func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, ".terraform.tfstate.lock.info"), []byte("{}"), 0o600)
		}},
		"a new workspace": {made: true, does: func(_ *testing.T, dir string) error {
			return os.MkdirAll(filepath.Join(dir, "workspaces", "blue"), 0o700)
		}},
		"a state in a new workspace": {made: true, want: "workspaces/blue/terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "workspaces", "blue"), 0o700),
				os.WriteFile(filepath.Join(dir, "workspaces", "blue", "terraform.tfstate"), []byte("{}"), 0o600))
		}},
		"another state": {want: "terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "terraform.tfstate"), []byte("evil"), 0o600)
		}},
		"no state": {want: "terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return os.Remove(filepath.Join(dir, "terraform.tfstate"))
		}},
		"a link": {want: "terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "terraform.tfstate")), os.Symlink("/etc/passwd", filepath.Join(dir, "terraform.tfstate")))
		}},
		"another workspace's": {want: "workspaces/green/terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "workspaces", "green", "terraform.tfstate"), []byte("evil"), 0o600)
		}},
		"one that nobody asked for": {want: "workspaces/blue/terraform.tfstate", does: func(_ *testing.T, dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "workspaces", "blue"), 0o700),
				os.WriteFile(filepath.Join(dir, "workspaces", "blue", "terraform.tfstate"), []byte("{}"), 0o600))
		}},
		"another owner": {want: "owner.json", does: func(_ *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "owner.json"), []byte("{}"), 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := &planner{keptDir: true, o: PlanOptions{Stack: "box", User: user, StateDir: filepath.Join(dir, "state"), StateBefore: filepath.Join(dir, "before"), Workspace: "blue"}}
			before := map[string]string{
				"owner.json": "the owner", "terraform.tfstate": "the state", "workspaces/green/terraform.tfstate": "green's",
			}
			for name, text := range before {
				ok(t, os.MkdirAll(filepath.Dir(filepath.Join(p.o.StateDir, name)), 0o700))
				ok(t, os.WriteFile(filepath.Join(p.o.StateDir, name), []byte(text), 0o600))
			}
			ok(t, user.Own(p.o.StateDir))
			ok(t, p.copyState())
			ok(t, c.does(t, p.o.StateDir))
			p.res.WorkspaceCreated = c.made
			err := p.stateUntouched()
			var failed *diag.Error
			if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &failed) || !strings.Contains(err.Error(), "has changed its state ("+c.want+")")) {
				t.Errorf("got %v", err)
			}
			for name, text := range before {
				if got, err := os.ReadFile(filepath.Join(p.o.StateDir, name)); err != nil || string(got) != text {
					t.Errorf("%s is %q, %v", name, got, err)
				}
			}
			if _, err := os.Stat(p.o.StateBefore); err == nil {
				t.Error("a copy of the state is left")
			}
		})
	}
}
