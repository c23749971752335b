package repo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/redact"
)

const token = "s3cret-t0ken-value"

// open opens a repository with short deadlines; its mirror is in a directory of its own unless the options name one.
func open(tb testing.TB, o repo.Options) *repo.Repository {
	tb.Helper()
	if o.Name == "" {
		o.Name = "infra"
	}
	if o.Branch == "" {
		o.Branch = "main"
	}
	if o.Dir == "" {
		o.Dir = filepath.Join(tb.TempDir(), "mirrors", "infra.git")
	}
	r, err := repo.Open(o)
	if err != nil {
		tb.Fatalf("opening: %v", err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	return r
}

// server is one way to serve a repository.
type server struct {
	name string
	open func(tb testing.TB, g *gittest.Repo) repo.Options
}

func servers() []server {
	return []server{
		{"https", func(tb testing.TB, g *gittest.Repo) repo.Options {
			h := gittest.NewHTTP(tb, g.Root(), gittest.HTTPOptions{Token: token})
			return repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile, Token: redact.NewSecret(token)}
		}},
		{"https without v2", func(tb testing.TB, g *gittest.Repo) repo.Options {
			h := gittest.NewHTTP(tb, g.Root(), gittest.HTTPOptions{OldV0: true})
			return repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile}
		}},
		{"http", func(tb testing.TB, g *gittest.Repo) repo.Options {
			h := gittest.NewHTTP(tb, g.Root(), gittest.HTTPOptions{Plain: true})
			return repo.Options{URL: h.URL(g.Name)}
		}},
		{"ssh", func(tb testing.TB, g *gittest.Repo) repo.Options {
			s := gittest.NewSSHD(tb, gittest.SSHDOptions{})
			return repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}
		}},
		{"ssh without v2", func(tb testing.TB, g *gittest.Repo) repo.Options {
			s := gittest.NewSSHD(tb, gittest.SSHDOptions{OldV0: true})
			return repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}
		}},
		{"file", func(_ testing.TB, g *gittest.Repo) repo.Options { return repo.Options{URL: "file://" + g.Bare} }},
		{"path of a work tree", func(_ testing.TB, g *gittest.Repo) repo.Options { return repo.Options{URL: g.Work} }},
	}
}

func TestEveryTransport(t *testing.T) {
	t.Parallel()
	for _, s := range servers() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			g := gittest.NewRepo(t, "", "infra")
			first := g.Commit("first", map[string]string{"ghe/main.tf": "a", "modules/x/main.tf": "b"})
			r := open(t, s.open(t, g))

			if r.Has(first) {
				t.Error("has a commit before the first fetch")
			}
			wantTip(t, r, first)
			wantTip(t, r, first)
			must(t, r.Fetch(ctx, first))
			if !r.Has(first) {
				t.Fatal("commit is not there after the fetch")
			}

			second := g.Commit("second\n\nbody", map[string]string{"ghe/main.tf": "c"})
			wantTip(t, r, second)
			must(t, r.Fetch(ctx, second))
			must(t, r.Fetch(ctx, second)) // again: nothing to do
			wantTip(t, r, second)
			paths, err := r.Changed(ctx, first, second)
			must(t, err)
			wantEqual(t, paths, []string{"ghe/main.tf"})
			a, err := r.Descends(ctx, first, second)
			must(t, err)
			wantEqual(t, a, repo.Descends)

			// The branch is rewritten: the old commit is gone from it, the new one still arrives.
			g.Git("checkout", "-q", "-B", "main", first)
			third := g.Commit("third", map[string]string{"ghe/main.tf": "d"})
			wantTip(t, r, third)
			must(t, r.Fetch(ctx, third))
			a, err = r.Descends(ctx, second, third)
			must(t, err)
			wantEqual(t, a, repo.Rewritten)
			paths, err = r.Changed(ctx, second, third)
			must(t, err)
			wantEqual(t, paths, []string{"ghe/main.tf"})

			dir := filepath.Join(t.TempDir(), "checkout")
			must(t, r.Materialise(ctx, third, dir, repo.MaterialiseOptions{}))
			wantFile(t, filepath.Join(dir, "ghe/main.tf"), "d")
			wantFile(t, filepath.Join(dir, "modules/x/main.tf"), "b")
		})
	}
}

func TestBranchAndRepositoryFaults(t *testing.T) {
	t.Parallel()
	for _, s := range servers() {
		if s.name == "path of a work tree" {
			continue // the same as file
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			g := gittest.NewRepo(t, "", "infra")
			o := s.open(t, g)
			r := open(t, o)
			_, err := r.Poll(t.Context())
			wantError(t, err, repo.ErrEmptyRepository, "push a first commit")
			wantError(t, r.Fetch(t.Context(), strings.Repeat("a", 40)), nil, "")

			head := g.Commit("first", map[string]string{"a": "1"})
			o.Branch = "production"
			o.Dir = ""
			gone := open(t, o)
			_, err = gone.Poll(t.Context())
			wantError(t, err, repo.ErrBranchGone, `"main"`)
			wantError(t, gone.Fetch(t.Context(), head), repo.ErrBranchGone, `"main"`)

			missing := o
			missing.Dir = ""
			missing.URL = strings.Replace(o.URL, "infra.git", "nothere.git", 1)
			_, err = open(t, missing).Poll(t.Context())
			wantError(t, err, repo.ErrNotFound, "check the path")
			wantError(t, open(t, missing).Fetch(t.Context(), head), repo.ErrNotFound, "check the path")
		})
	}
}

func TestPollIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Token: token})
	r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile, Token: redact.NewSecret(token)})
	const polls = 20
	for range polls {
		wantTip(t, r, head)
	}
	wantEqual(t, h.Requests(), polls)
	// Not one exactly: package net/http drops a connection whose request it has not seen written 50 ms after the answer, as on a
	// machine that is busy.
	kept := h.Conns()
	if kept > polls/2 {
		t.Errorf("%d connections for %d polls", kept, polls)
	}

	// A server that closes idle connections costs a new connection, not a failed poll.
	h.CloseConns()
	for range 3 {
		wantTip(t, r, head)
	}
	wantEqual(t, h.Requests(), polls+3)
	if h.Conns() == kept {
		t.Error("no new connection")
	}
}

func TestPollOverSSHKeepsItsConnection(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	r := open(t, repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile})
	for range 15 { // more than the ten sessions that sshd allows at a time
		wantTip(t, r, head)
	}
	must(t, r.Fetch(t.Context(), head))
	wantTip(t, r, head)
	wantEqual(t, s.Connections(), 1)

	s.Proxy.CloseConns()
	wantTip(t, r, head)
	wantEqual(t, s.Connections(), 2)
}

// A poll must cost the same at any number of references.
func TestPollWithManyRefs(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	var packed strings.Builder
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range 5000 {
		packed.WriteString(head + " refs/pull/" + pad(i) + "/head\n")
	}
	must(t, os.WriteFile(filepath.Join(g.Bare, "packed-refs"), []byte(packed.String()), 0o644))
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true})
	proxy := gittest.NewProxy(t, h.Addr)
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	for _, c := range []struct {
		name  string
		o     repo.Options
		proxy *gittest.Proxy
		limit int64 // bytes down of a poll on a kept connection
	}{
		{"http", repo.Options{URL: "http://" + proxy.Addr + "/infra.git"}, proxy, 800},
		{"ssh", repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}, s.Proxy, 1500},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, c.o)
			wantTip(t, r, head)
			up, down := c.proxy.Up(), c.proxy.Down()
			wantTip(t, r, head)
			up, down = c.proxy.Up()-up, c.proxy.Down()-down
			t.Logf("a poll: %d bytes up, %d bytes down", up, down)
			if down > c.limit || up > c.limit {
				t.Errorf("a poll took %d bytes up and %d down, want at most %d", up, down, c.limit)
			}
			must(t, r.Fetch(t.Context(), head))
		})
	}
}

func pad(i int) string {
	s := "00000" + string(rune('0'+i/1000%10)) + string(rune('0'+i/100%10)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10))
	return s[len(s)-5:]
}

func TestMovedMeanwhile(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	lost := g.Commit("lost", map[string]string{"a": "2"})
	g.Git("checkout", "-q", "-B", "main", first)
	now := g.Commit("now", map[string]string{"a": "3"})
	g.GitBare("gc", "-q", "--prune=now")
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{})
	r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile})
	for range 2 { // into a new mirror, and into one that is there
		wantError(t, r.Fetch(t.Context(), lost), repo.ErrMoved, "next poll")
		if !r.Has(now) || r.Has(lost) {
			t.Error("want what the branch is at, and not what it left")
		}
	}
	must(t, r.Fetch(t.Context(), first)) // below the head: fine
}

func TestBranchNamesThatCollide(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	g.Commit("first", map[string]string{"a": "1"})
	o := repo.Options{URL: g.Bare, Dir: filepath.Join(t.TempDir(), "m.git")}
	r := open(t, o)
	must(t, r.Fetch(t.Context(), g.Head()))
	g.GitBare("symbolic-ref", "HEAD", "refs/heads/other")
	for _, move := range [][2]string{{"main", "main/v2"}, {"main/v2", "main"}} {
		g.GitBare("update-ref", "-d", "refs/heads/"+move[0])
		g.GitBare("update-ref", "refs/heads/"+move[1], g.Head())
		o.Branch = move[1]
		r := open(t, o)
		wantTip(t, r, g.Head())
		must(t, r.Fetch(t.Context(), g.Head()))
	}
}

func TestOpenRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o    repo.Options
		want string
	}{
		"no url":             {repo.Options{Branch: "main", Dir: "x"}, "no url"},
		"no branch":          {repo.Options{URL: "/x", Dir: "x"}, "no branch"},
		"no directory":       {repo.Options{URL: "/x", Branch: "main"}, "no directory"},
		"bad branch":         {repo.Options{URL: "/x", Branch: "a..b", Dir: "x"}, "not a valid name"},
		"password in url":    {repo.Options{URL: "https://u:hunter2@host/x", Branch: "main", Dir: "x"}, "password"},
		"unknown scheme":     {repo.Options{URL: "ftp://host/x", Branch: "main", Dir: "x"}, "not supported"},
		"token over http":    {repo.Options{URL: "http://host/x", Branch: "main", Dir: "x", Token: redact.NewSecret(token)}, "plain http"},
		"option as ssh path": {repo.Options{URL: "git@host:--upload-pack=x", Branch: "main", Dir: "x"}, "path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := repo.Open(c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), token) {
				t.Errorf("error gives a secret away: %v", err)
			}
		})
	}
}

func wantTip(tb testing.TB, r *repo.Repository, commit string) {
	tb.Helper()
	tip, err := r.Poll(tb.Context())
	if err != nil {
		tb.Fatalf("polling: %v%s", err, hint(err))
	}
	if tip.Commit != commit {
		tb.Fatalf("tip is %s, want %s", tip.Commit, commit)
	}
}

// wantError checks the sentinel (nil: any), a part of the hint, and that no secret is in either.
func wantError(tb testing.TB, err, want error, inHint string) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want %v", want)
	}
	if want != nil && !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
	var e *repo.Error
	if !errors.As(err, &e) {
		tb.Fatalf("error %v (%T) is not an *Error", err, err)
	}
	if !strings.Contains(e.Hint, inHint) {
		tb.Errorf("hint of %q is %q, want %q in it", err, e.Hint, inHint)
	}
	if strings.Contains(err.Error()+e.Hint, token) {
		tb.Errorf("error gives the token away: %v\n%s", err, e.Hint)
	}
}

func hint(err error) string {
	var e *repo.Error
	if errors.As(err, &e) {
		return "\nhint: " + e.Hint
	}
	return ""
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatalf("%v%s", err, hint(err))
	}
}

func wantEqual[T any](tb testing.TB, got, want T) {
	tb.Helper()
	if d := diff(got, want); d != "" {
		tb.Errorf("difference (-want +got):\n%s", d)
	}
}

func wantFile(tb testing.TB, path, want string) {
	tb.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	wantEqual(tb, string(content), want)
}

// within fails the test if f takes longer, on a machine that has nothing else to do: it waited for somebody who never answers.
func within(tb testing.TB, limit time.Duration, f func(context.Context)) {
	tb.Helper()
	start := time.Now()
	f(tb.Context())
	if took := time.Since(start); took > patience.Scaled(limit) {
		tb.Errorf("took %s, want at most %s", took, limit)
	}
}
