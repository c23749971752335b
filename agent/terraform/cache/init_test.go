package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/agent/terraform/diag"
)

const (
	configuration = "resource \"local_file\" \"f\" {}\n"
	pinned        = "provider \"registry.terraform.io/hashicorp/local\" {\n  version = \"1.4.0\"\n  hashes = [\"h1:1\"]\n}\n"
)

// standIn is what terraform init does as far as the cache goes by it: it installs a package and pins it.
type standIn struct {
	t       *testing.T
	in      Init
	refuses error // what it says of the store
	away    bool  // the registry does not answer
	checks  bool  // it takes no package of the store whose checksum the lock file lacks
	asked   []string
	warned  []string
	found   []byte // the lock file that it went to the registry with
	now     time.Time
}

func (s *standIn) run(_ context.Context, pluginDir string) error {
	if pluginDir != "" {
		s.asked = append(s.asked, "store")
		lock, err := s.in.ReadLock()
		if s.checks && !strings.Contains(string(lock), "h1:") {
			return &diag.Error{Output: "Error: Failed to install provider"}
		}
		return cmp.Or(s.refuses, err)
	}
	s.asked = append(s.asked, "registry")
	if s.away {
		return &diag.Error{Op: "init", Transient: true, Output: "connection refused"}
	}
	var err error
	if s.found, err = s.in.ReadLock(); err != nil {
		return err
	}
	dir := filepath.Join(s.in.DataDir, "providers", "registry.terraform.io", "hashicorp", "local", "1.4.0", platform())
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "terraform-provider-local"), nil, 0o755),
		os.WriteFile(filepath.Join(s.in.WorkDir, LockFile), []byte(pinned), 0o600))
}

// newInit is an init in a fresh checkout, with a lock file if it is committed.
func newInit(t *testing.T, lock string) *standIn {
	dir := t.TempDir()
	s := &standIn{t: t, in: Init{Root: Root{Stack: "box", Commit: strings.Repeat("c", 40), Source: filepath.Join(dir, "src"),
		WorkDir: filepath.Join(dir, "src"), DataDir: filepath.Join(dir, "data")}}}
	s.in.Run = s.run
	s.in.Warn = func(format string, args ...any) { s.warned = append(s.warned, fmt.Sprintf(format, args...)) }
	ok(t, errors.Join(os.Mkdir(s.in.WorkDir, 0o700), os.Mkdir(s.in.DataDir, 0o700)))
	ok(t, os.WriteFile(filepath.Join(s.in.WorkDir, "main.tf"), []byte(configuration), 0o600))
	if lock != "" {
		ok(t, os.WriteFile(filepath.Join(s.in.WorkDir, LockFile), []byte(lock), 0o600))
	}
	return s
}

// begin runs it.
func (s *standIn) begin(ctx context.Context, c *Cache) error {
	committed, err := s.in.ReadLock()
	ok(s.t, err)
	return c.Init(ctx, s.in, committed)
}

// From where an init takes its providers, in which order that is tried, and what is kept of it.
func TestInit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		first  bool // an init of the same stack has ended well before
		lock   string
		change func(*standIn)
		asked  string
		warned string
		failed bool
		keeps  string // the commit with which the stack could be planned offline; empty: none
	}{
		{name: "nothing is kept yet", asked: "registry", keeps: "c"},
		{name: "the same commit again", first: true, asked: "store", keeps: "c"},
		{name: "the same commit, and the store is damaged", first: true, change: func(s *standIn) {
			s.refuses = &diag.Error{Output: "Error: Failed to install provider"}
		}, asked: "store registry", keeps: "c"},
		{name: "another commit that pins nothing", first: true, change: func(s *standIn) { s.in.Commit = "d" }, asked: "registry", keeps: "d"},
		{name: "another stack that pins what the store has", first: true, lock: pinned, change: func(s *standIn) { s.in.Stack = "other" }, asked: "store", keeps: "c"},
		{name: "an error that no package can cause", first: true, change: func(s *standIn) {
			s.in.Commit, s.refuses = "c", nil
			s.in.Run = func(context.Context, string) error {
				s.asked = append(s.asked, "any")
				return errors.New("no such module")
			}
		}, asked: "any", failed: true, keeps: strings.Repeat("c", 40)},
		{name: "another commit, and the registry is away", first: true, change: func(s *standIn) { s.in.Commit, s.away = "d", true },
			asked: "registry store", warned: "those of commit cccccccccc, because", keeps: strings.Repeat("c", 40)},
		{name: "the first commit, and the registry is away", change: func(s *standIn) { s.away = true }, asked: "registry", failed: true},
		{name: "a preview of another commit", first: true, change: func(s *standIn) { s.in.Commit, s.in.Preview = "d", true },
			asked: "registry", keeps: strings.Repeat("c", 40)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cache := New(filepath.Join(t.TempDir(), "cache"))
			if c.first {
				ok(t, newInit(t, "").begin(t.Context(), cache))
			}
			s := newInit(t, c.lock)
			if c.change != nil {
				c.change(s)
			}
			err := s.begin(t.Context(), cache)
			if (err != nil) != c.failed {
				t.Errorf("error %v", err)
			}
			if got := strings.Join(s.asked, " "); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if got := strings.Join(s.warned, "\n"); !strings.Contains(got, c.warned) || c.warned == "" && got != "" {
				t.Errorf("warned %q, want %q", got, c.warned)
			}
			offline, err := cache.Offline("box")
			switch {
			case err != nil:
				t.Fatal(err)
			case offline == nil && c.keeps != "" || offline != nil && !strings.HasPrefix(offline.Commit, c.keeps):
				t.Errorf("kept: %+v, want commit %q", offline, c.keeps)
			}
		})
	}
}

// Without a cache nothing is kept; and an init that does not get its turn says so in a way of its own.
func TestInitWithoutItsTurn(t *testing.T) {
	t.Parallel()
	s := newInit(t, "")
	ok(t, s.begin(t.Context(), nil))
	if !slices.Equal(s.asked, []string{"registry"}) {
		t.Errorf("without a cache it asked %v", s.asked)
	}
	c := New(filepath.Join(t.TempDir(), "cache"))
	unlock, err := c.lockCold(t.Context())
	ok(t, err)
	defer unlock()
	over := errors.New("it is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	s = newInit(t, "")
	var waited *WaitError
	if err := s.begin(ctx, c); !errors.As(err, &waited) || !errors.Is(err, over) || len(s.asked) > 0 {
		t.Errorf("error %v, asked %v", err, s.asked)
	}
}
