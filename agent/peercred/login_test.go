package peercred

import (
	"os"
	"path/filepath"
	"testing"
)

// Only where nobody has a login uid, and everybody can be seen, an account may stand for who had logged in.
func TestLoginsAreKnown(t *testing.T) {
	t.Parallel()
	const never = "4294967295"
	for name, tc := range map[string]struct {
		uids map[string]string
		want bool
	}{
		"a container":                       {map[string]string{"1": never, "7": never, "self": "1000"}, false},
		"somebody has logged in":            {map[string]string{"1": never, "7": never, "99": "1000"}, true},
		"root has logged in":                {map[string]string{"1": never, "7": "0"}, true},
		"the first process is hidden":       {map[string]string{"7": never}, true},
		"no process can be seen":            {nil, true},
		"what is said is not a number":      {map[string]string{"1": never, "7": "jane"}, true},
		"a kernel that has no audit at all": {map[string]string{"1": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proc := t.TempDir()
			for pid, uid := range tc.uids {
				dir := filepath.Join(proc, pid)
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if uid == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, "loginuid"), []byte(uid), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := LoginsAreKnown(proc); got != tc.want {
				t.Errorf("known: %t", got)
			}
		})
	}
	if !LoginsAreKnown(filepath.Join(t.TempDir(), "none")) {
		t.Error("a /proc that is not there shows that nobody has logged in")
	}
}
