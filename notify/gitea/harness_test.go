package gitea_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/gitea"
	"sallyport/notify/gitea/giteatest"
	"sallyport/notify/redact"
)

const (
	infra   = "ops/infra"
	infraID = 42
	forkID  = 43
	bot     = "sallyport-bot"
)

var (
	jane    = forge.User{ID: 7, Login: "jane"}
	bob     = forge.User{ID: 8, Login: "bob"}
	carol   = forge.User{ID: 9, Login: "carol"}
	mallory = forge.User{ID: 66, Login: "mallory"}
)

// sha makes a full hash of one digit.
func sha(digit string) string { return strings.Repeat(digit, 40) }

// clock is a time that moves only when told, or when somebody waits.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) Wait(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 3, 0, 0, 300_000_000, time.UTC)} }

// site has a repository of an organization: jane and bob are collaborators, others are in its teams.
func site(t *testing.T, c *clock, with func(*giteatest.Options)) *giteatest.Server {
	t.Helper()
	o := giteatest.Options{
		Users: []giteatest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "bob"}, {ID: 9, Login: "carol"}, {ID: 66, Login: "mallory"}},
		Repositories: []giteatest.Repository{
			{ID: infraID, Name: infra, Organization: true, Private: true, Access: map[string]string{"jane": "write", "bob": "write", bot: "admin"}},
			{ID: forkID, Name: "mallory/infra"},
		},
		Now: c.Now,
	}
	if with != nil {
		with(&o)
	}
	s, err := giteatest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *giteatest.Server, c *clock, with func(*gitea.Options)) *gitea.Client {
	t.Helper()
	o := gitea.Options{URL: s.URL(), Repository: infra, Token: redact.NewSecret(s.Token()), Timeout: time.Minute, Now: c.Now, Wait: c.Wait}
	if with != nil {
		with(&o)
	}
	client, err := gitea.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// both are a site and a client of it, with one clock.
func both(t *testing.T) (*giteatest.Server, *gitea.Client, *clock) {
	t.Helper()
	c := newClock()
	s := site(t, c, nil)
	return s, client(t, s, c, nil), c
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func open(s *giteatest.Server, head string) int {
	return s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "grow", Head: sha(head)})
}
