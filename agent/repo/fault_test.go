package repo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/redact"
)

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Token: token})
	otherCA := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{}).CAFile
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(notPEM, []byte("hello"), 0o600))
	// httptest's certificate is the same for every server, so an authority of our own making must be the wrong one.
	must(t, os.WriteFile(otherCA, []byte(foreignCA), 0o600))
	right := redact.NewSecret(token)
	for name, c := range map[string]struct {
		o    repo.Options
		want error
		hint string
	}{
		"no token":            {repo.Options{CAFile: h.CAFile}, repo.ErrAuth, "set token"},
		"wrong token":         {repo.Options{CAFile: h.CAFile, Token: redact.NewSecret("wr0ng-t0ken")}, repo.ErrAuth, "expired"},
		"authority not given": {repo.Options{Token: right}, repo.ErrCertificate, "ca_file"},
		"another authority":   {repo.Options{Token: right, CAFile: otherCA}, repo.ErrCertificate, "ca_file"},
		"ca_file missing":     {repo.Options{Token: right, CAFile: "/nonexistent/ca.pem"}, os.ErrNotExist, "PEM"},
		"ca_file is not PEM":  {repo.Options{Token: right, CAFile: notPEM}, nil, "PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.URL = h.URL(g.Name)
			r := open(t, c.o)
			_, err := r.Poll(t.Context())
			wantError(t, err, c.want, c.hint)
			wantError(t, r.Fetch(t.Context(), head), c.want, c.hint)
			if strings.Contains(err.Error(), "wr0ng") {
				t.Errorf("error gives the token away: %v", err)
			}
		})
	}
}

// A mended ca_file is read by the next poll, without a restart.
func TestCAFileIsReadAgain(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{})
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, []byte(foreignCA), 0o600))
	r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: file})
	_, err := r.Poll(t.Context())
	wantError(t, err, repo.ErrCertificate, "")
	good, err := os.ReadFile(h.CAFile)
	must(t, err)
	must(t, os.WriteFile(file, good, 0o600))
	wantTip(t, r, head)
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	g.Commit("first", map[string]string{"a": "1"})
	for name, c := range map[string]struct {
		before http.HandlerFunc
		want   error
		inText string
		hint   string
	}{
		"redirect to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/x.git/git-upload-pack?token=1", http.StatusTemporaryRedirect)
		}, nil, `redirects to "https://evil.example/x.git"`, "set url"},
		"forbidden, echoing the token": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "token "+token+" may \x1b[31mnot\nsecond line", http.StatusForbidden)
		}, repo.ErrAuth, "(403): token (redacted) may [31mnot", "read access"},
		"busy":         {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, nil, "503", "tried again"},
		"server error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, nil, "500", ""},
		"a web page":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) }, nil, "", ""},
		"an endless answer": {func(w http.ResponseWriter, r *http.Request) {
			line := "003f" + strings.Repeat("a", 40) + " refs/heads/aaaaaaaaaaa\n"
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat(line, 1000))); err != nil {
					return
				}
			}
		}, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Before: func(w http.ResponseWriter, r *http.Request) bool {
				c.before(w, r)
				return false
			}})
			r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile, Token: redact.NewSecret(token)})
			_, err := r.Poll(t.Context())
			wantError(t, err, c.want, c.hint)
			if !strings.Contains(err.Error(), c.inText) || strings.Contains(err.Error(), "evil.example/x.git/git") {
				t.Errorf("error %q, want %q in it", err, c.inText)
			}
		})
	}
}

// Silent servers cost one failed poll or fetch, and no more time than allowed.
func TestSilentServers(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	hole := gittest.NewBlackHole(t)
	key := filepath.Join(t.TempDir(), "key")
	gittest.NewKey(t, key)
	for name, url := range map[string]string{
		"http":  "http://" + hole + "/infra.git",
		"https": "https://" + hole + "/infra.git",
		"ssh":   "ssh://git@" + hole + g.Bare,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, repo.Options{URL: url, SSHKeyFile: key, Timeout: 300 * time.Millisecond, FetchTimeout: 300 * time.Millisecond})
			within(t, 3*time.Second, func(ctx context.Context) {
				_, err := r.Poll(ctx)
				wantError(t, err, context.DeadlineExceeded, hole)
			})
			within(t, 3*time.Second, func(ctx context.Context) {
				wantError(t, r.Fetch(ctx, head), repo.ErrStalled, "silent")
			})
			r = open(t, repo.Options{URL: url, SSHKeyFile: key}) // so patient that only the caller ends it
			within(t, 3*time.Second, func(ctx context.Context) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(50*time.Millisecond, cancel)
				wantError(t, r.Fetch(ctx, head), context.Canceled, "")
			})
		})
	}
}

// A connection that went silent after a good poll, as with a lost NAT entry, costs one failed poll at most.
func TestKeptConnectionGoesSilent(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it waits for a server that has gone silent")
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	r := open(t, repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile, Timeout: patience.Scaled(2 * time.Second)})
	wantTip(t, r, head)
	s.Proxy.Stall(0)
	within(t, 6*time.Second, func(ctx context.Context) {
		_, err := r.Poll(ctx)
		wantError(t, err, context.DeadlineExceeded, "reached")
	})
	s.Proxy.Heal()
	wantTip(t, r, head)
}

// A server that stalls or hangs up in the middle of a pack leaves nothing behind, and the next fetch works.
func TestPackIsInterrupted(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it cuts the transfer of a pack at many bytes")
	g := gittest.NewRepo(t, "", "infra")
	g.Commit("first", map[string]string{"a": "1"})
	big := noise(3 << 20)
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{Plain: true})
	s := gittest.NewSSHD(t, gittest.SSHDOptions{})
	proxy := gittest.NewProxy(t, h.Addr)
	for _, c := range []struct {
		name  string
		o     repo.Options
		proxy *gittest.Proxy
	}{
		{"http", repo.Options{URL: "http://" + proxy.Addr + "/infra.git"}, proxy},
		{"ssh", repo.Options{URL: s.URL(g.Bare), SSHKeyFile: s.KeyFile, KnownHostsFile: s.KnownHostsFile}, s.Proxy},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Dir = filepath.Join(t.TempDir(), "m.git")
			must(t, open(t, c.o).Fetch(t.Context(), g.Head()))
			short := c.o
			short.FetchTimeout = time.Second
			hasty, r := open(t, short), open(t, c.o)
			before := g.Head()
			next := g.Commit("big", map[string]string{"big": big + c.name})
			c.proxy.Stall(1 << 20)
			within(t, 8*time.Second, func(ctx context.Context) {
				wantError(t, hasty.Fetch(ctx, next), repo.ErrStalled, "silent")
			})
			c.proxy.Heal()
			wantNoLeftovers(t, c.o.Dir)
			c.proxy.Cut(1 << 20)
			wantError(t, r.Fetch(t.Context(), next), nil, "")
			c.proxy.Heal()
			wantNoLeftovers(t, c.o.Dir)
			if !r.Has(before) || r.Has(next) {
				t.Error("want the old commit and not the new one")
			}
			must(t, r.Fetch(t.Context(), next))
			// A first fetch that breaks leaves no mirror at all.
			fresh := c.o
			fresh.Dir = filepath.Join(t.TempDir(), "mirrors", "m.git")
			c.proxy.Cut(1 << 20)
			wantError(t, open(t, fresh).Fetch(t.Context(), next), nil, "")
			c.proxy.Heal()
			entries, err := os.ReadDir(filepath.Dir(fresh.Dir))
			must(t, err)
			wantEqual(t, len(entries), 0)
		})
	}
}

func TestServerIsDown(t *testing.T) {
	t.Parallel()
	g := gittest.NewRepo(t, "", "infra")
	head := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{})
	r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile})
	must(t, r.Fetch(t.Context(), head))
	h.Stop()
	_, err := r.Poll(t.Context())
	wantError(t, err, nil, "can be reached")
	// What was fetched is still of use.
	must(t, r.Materialise(t.Context(), head, filepath.Join(t.TempDir(), "x"), repo.MaterialiseOptions{}))
}

func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	need.Root(t, "only root may mount a small file system")
	need.LongUnlessRaced(t, "it fills a disk again and again")
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir).CombinedOutput(); err != nil {
		need.Skip(t, "no small disk can be mounted", fmt.Sprintf("%v: %s", err, out))
	}
	t.Cleanup(func() { _ = exec.Command("umount", "-l", dir).Run() })
	g := gittest.NewRepo(t, "", "infra")
	first := g.Commit("first", map[string]string{"a": "1"})
	h := gittest.NewHTTP(t, g.Root(), gittest.HTTPOptions{})
	r := open(t, repo.Options{URL: h.URL(g.Name), CAFile: h.CAFile, Dir: filepath.Join(dir, "m.git")})
	must(t, r.Fetch(t.Context(), first))
	big := g.Commit("big", map[string]string{"big": noise(6 << 20)})
	wantError(t, r.Fetch(t.Context(), big), nil, "free space")
	wantNoLeftovers(t, filepath.Join(dir, "m.git"))
	g.Git("reset", "-q", "--hard", first)
	small := g.Commit("small", map[string]string{"a": "3"})
	must(t, r.Fetch(t.Context(), small))
	if !r.Has(first) {
		t.Error("the mirror lost a commit")
	}
}

func wantNoLeftovers(tb testing.TB, dir string) {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "objects", "pack", "tmp_*"))
	must(tb, err)
	wantEqual(tb, len(found), 0)
}

func run(tb testing.TB, name string, args ...string) {
	tb.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		need.Skip(tb, "there is no "+name, err.Error())
	}
	if err != nil {
		tb.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	must(tb, err)
	return string(b)
}

// noise returns text that does not compress.
func noise(n int) string {
	var b strings.Builder
	x := uint64(88172645463325252)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		for i := range 8 {
			b.WriteByte(byte(x >> (8 * i)))
		}
	}
	return b.String()[:n]
}
