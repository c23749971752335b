package gitlab_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
	"sallyport/notify/redact"
)

const (
	infra   = "ops/net/infra"
	infraID = 42
	forkID  = 43
)

// sha makes a full hash of one digit.
func sha(digit string) string { return strings.Repeat(digit, 40) }

func site(t *testing.T, with func(*gitlabtest.Options)) *gitlabtest.Server {
	t.Helper()
	o := gitlabtest.Options{
		Users: []gitlabtest.User{
			{ID: 7, Login: "jane"}, {ID: 8, Login: "bob"}, {ID: 9, Login: "carol"}, {ID: 66, Login: "mallory"},
		},
		Projects: []gitlabtest.Project{
			{ID: infraID, Name: infra, Private: true, Access: map[string]int{
				"jane": gitlabtest.Developer, "bob": gitlabtest.Maintainer, "carol": gitlabtest.Reporter, "sallyport-bot": gitlabtest.Developer}},
			{ID: forkID, Name: "mallory/infra"},
		},
	}
	if with != nil {
		with(&o)
	}
	s, err := gitlabtest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *gitlabtest.Server, with func(*gitlab.Options)) *gitlab.Client {
	t.Helper()
	o := gitlab.Options{URL: s.URL(), Project: infra, Token: redact.NewSecret(s.Token()), Timeout: time.Minute}
	if with != nil {
		with(&o)
	}
	c, err := gitlab.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
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

func numbers(list []forge.PullRequest) []int {
	out := []int{}
	for _, p := range list {
		out = append(out, p.Number)
	}
	return out
}
