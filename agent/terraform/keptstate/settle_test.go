package keptstate

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An agent that dies while code of the repository's is at work leaves a note of what the state was; whoever takes the state next
// puts it back, and loses nothing of what stood there.
func TestAStateIsSettledAfterADeath(t *testing.T) {
	type places struct{ state, before string }
	for name, c := range map[string]struct {
		dies   func(t *testing.T, o places) error
		want   string // changed
		state  string // afterwards
		failed string
	}{
		"nothing was changed": {state: "the state", dies: func(*testing.T, places) error { return nil }},
		"another state": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o places) error {
			return os.WriteFile(filepath.Join(o.state, "terraform.tfstate"), []byte("evil"), 0o600)
		}},
		"no state at all": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o places) error {
			return os.RemoveAll(o.state)
		}},
		"while it was put back": {state: "the state", want: "terraform.tfstate", dies: func(_ *testing.T, o places) error {
			return errors.Join(os.RemoveAll(o.state), os.Mkdir(o.state, 0o700))
		}},
		"while it was noted": {state: "the state of since", dies: func(_ *testing.T, o places) error {
			return errors.Join(os.Remove(filepath.Join(o.before, beforeDigest)), os.WriteFile(filepath.Join(o.state, "terraform.tfstate"), []byte("the state of since"), 0o600))
		}},
		"the copy is lost, and nothing was changed": {state: "the state", dies: func(_ *testing.T, o places) error {
			return os.RemoveAll(filepath.Join(o.before, beforeFiles))
		}},
		"the copy is lost": {state: "evil", failed: "is not whole", dies: func(_ *testing.T, o places) error {
			return errors.Join(os.WriteFile(filepath.Join(o.before, beforeFiles, "terraform.tfstate"), nil, 0o600),
				os.WriteFile(filepath.Join(o.state, "terraform.tfstate"), []byte("evil"), 0o600))
		}},
		"the note cannot be read": {state: "the state", failed: "reading what the state", dies: func(_ *testing.T, o places) error {
			return os.WriteFile(filepath.Join(o.before, beforeDigest), []byte("{"), 0o600)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			o := places{state: filepath.Join(dir, "state"), before: filepath.Join(dir, "all", "before")}
			file, aside := filepath.Join(o.state, "terraform.tfstate"), filepath.Join(dir, "quarantine", "aside")
			ok(t, os.Mkdir(o.state, 0o700))
			ok(t, os.WriteFile(file, []byte("the state"), 0o600))
			ok(t, Note(o.state, o.before))
			ok(t, c.dies(t, o))
			stood, _ := os.ReadFile(file)
			for again := range 2 {
				changed, err := Settle(o.state, o.before, aside)
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
			if _, err := os.Stat(o.before); (err == nil) != (c.failed != "") {
				t.Errorf("the note: %v", err)
			}
		})
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
