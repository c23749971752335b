package binary

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestIdentity: every way to change a file shows, also one that puts the time of its content back.
func TestIdentity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(path string) error
	}{
		{"written", func(path string) error { return os.WriteFile(path, []byte("two"), 0o600) }},
		{"replaced", func(path string) error {
			if err := os.WriteFile(path+".new", []byte("two"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}},
		{"chmod", func(path string) error { return os.Chmod(path, 0o700) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(os.WriteFile(path, []byte("one"), 0o600))
			before, err := IdentityOf(path)
			must(err)
			if again, err := IdentityOf(path); err != nil || again != before || before.IsZero() {
				t.Fatalf("the same file is %+v and %+v, %v", before, again, err)
			}
			deadline := time.Now().Add(time.Minute)
			for now := before; now == before; { // the clock of a file system moves in steps
				if time.Now().After(deadline) {
					t.Fatal("the change never shows")
				}
				must(c.change(path))
				must(os.Chtimes(path, time.Time{}, time.Unix(0, before.Modified)))
				now, err = IdentityOf(path)
				must(err)
			}
		})
	}
}

// TestDigest: what was changed a moment ago can change again without a trace.
func TestDigest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if digest, id, err := Digest(path); err != nil || digest != ofNothing || !id.IsZero() {
		t.Errorf("a fresh file: %s, %+v, %v", digest, id, err)
	}
	const old = "/bin/sh" // as old as the machine
	want, err := IdentityOf(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, id, err := Digest(old); err != nil || id != want {
		t.Errorf("%s is %+v, %v; want %+v", old, id, err, want)
	}
}
