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

// An agent that dies while code of the repository's is at work leaves a note of what the state was; whoever takes the state next
// puts it back, and loses nothing of what stood there.
func TestAStateIsSettledAfterADeath(t *testing.T) {
	t.Parallel()
	user := &asuser.User{Exclusive: true}
	for name, c := range map[string]struct {
		dies   func(t *testing.T, o PlanOptions) error
		want   string // changed
		state  string // afterwards
		failed string
	}{
		"nothing was changed": {state: "the state", dies: func(*testing.T, PlanOptions) error { return nil }},
		"another state": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o PlanOptions) error {
			return os.WriteFile(filepath.Join(o.StateDir, "terraform.tfstate"), []byte("evil"), 0o600)
		}},
		"no state at all": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o PlanOptions) error {
			return os.RemoveAll(o.StateDir)
		}},
		"while it was put back": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o PlanOptions) error {
			return errors.Join(os.RemoveAll(o.StateDir), os.Mkdir(o.StateDir, 0o700))
		}},
		"while it was noted": {state: "the state of since", dies: func(_ *testing.T, o PlanOptions) error {
			return errors.Join(os.Remove(filepath.Join(o.StateBefore, beforeDigest)), os.WriteFile(filepath.Join(o.StateDir, "terraform.tfstate"), []byte("the state of since"), 0o600))
		}},
		"the copy is lost, and nothing was changed": {state: "the state", dies: func(_ *testing.T, o PlanOptions) error {
			return os.RemoveAll(filepath.Join(o.StateBefore, beforeFiles))
		}},
		"the copy is lost": {state: "evil", failed: "is not whole", dies: func(_ *testing.T, o PlanOptions) error {
			return errors.Join(os.WriteFile(filepath.Join(o.StateBefore, beforeFiles, "terraform.tfstate"), nil, 0o600),
				os.WriteFile(filepath.Join(o.StateDir, "terraform.tfstate"), []byte("evil"), 0o600))
		}},
		"the note cannot be read": {state: "the state", failed: "reading what the state", dies: func(_ *testing.T, o PlanOptions) error {
			return os.WriteFile(filepath.Join(o.StateBefore, beforeDigest), []byte("{"), 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := &planner{keptDir: true, o: PlanOptions{Stack: "box", User: user, StateDir: filepath.Join(dir, "state"), StateBefore: filepath.Join(dir, "all", "before")}}
			file, aside := filepath.Join(p.o.StateDir, "terraform.tfstate"), filepath.Join(dir, "quarantine", "aside")
			ok(t, os.Mkdir(p.o.StateDir, 0o700))
			ok(t, os.WriteFile(file, []byte("the state"), 0o600))
			ok(t, p.copyState())
			ok(t, c.dies(t, p.o))
			stood, _ := os.ReadFile(file)
			for again := range 2 {
				changed, err := SettleState(p.o.StateDir, p.o.StateBefore, aside)
				if c.failed == "" && err != nil || c.failed != "" && (err == nil || !strings.Contains(err.Error(), c.failed)) {
					t.Fatalf("got %v, want %q", err, c.failed)
				}
				if got := strings.Join(changed, " "); again == 0 && got != c.want || again == 1 && got != "" {
					t.Errorf("changed: %q, want %q", got, c.want)
				}
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != c.state {
				t.Errorf("the state is %q, %v", got, err)
			}
			if c.want != "" && len(stood) > 0 {
				if got, err := os.ReadFile(filepath.Join(aside, "terraform.tfstate")); err != nil || string(got) != string(stood) {
					t.Errorf("what stood there is %q, %v", got, err)
				}
			}
			if _, err := os.Stat(p.o.StateBefore); (err == nil) != (c.failed != "") {
				t.Errorf("the note: %v", err)
			}
		})
	}
}
