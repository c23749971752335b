package github_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
	"sallyport/notify/redact"
)

const (
	infra   = "ops/infra"
	infraID = 42
	forkID  = 43
)

// sha makes a full hash of one digit.
func sha(digit string) string { return strings.Repeat(digit, 40) }

func site(t *testing.T, with func(*githubtest.Options)) *githubtest.Server {
	t.Helper()
	o := githubtest.Options{
		Users: []githubtest.User{
			{ID: 7, Login: "jane"}, {ID: 8, Login: "bob"}, {ID: 9, Login: "carol_corp"}, {ID: 66, Login: "mallory"}, {ID: 70, Login: "dependabot[bot]", Bot: true},
		},
		Repositories: []githubtest.Repository{
			{ID: infraID, Name: infra, Private: true, Access: map[string]string{
				"jane": "write", "bob": "maintain", "carol_corp": "triage", "sallyport-bot": "write"}},
			{ID: forkID, Name: "mallory/infra", ForkOf: infra},
		},
	}
	if with != nil {
		with(&o)
	}
	s, err := githubtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *githubtest.Server, with func(*github.Options)) *github.Client {
	t.Helper()
	o := github.Options{URL: s.URL(), Repository: infra, Token: redact.NewSecret(s.Token()), Timeout: time.Minute}
	if with != nil {
		with(&o)
	}
	c, err := github.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// asApp are the options of the fake's app.
func asApp(t *testing.T, s *githubtest.Server) func(*github.Options) {
	key := write(t, "key.pem", s.KeyPEM())
	return func(o *github.Options) {
		o.Token = redact.Secret{}
		o.App = &github.App{ID: githubtest.AppID, InstallationID: githubtest.InstallationID, PrivateKeyFile: key}
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// clock is a time that moves only when told.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{now: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)} }

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
