package bench

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/repo/gittest"
)

// atlantisEnv names Atlantis' binary. Without it Atlantis is no opponent.
const atlantisEnv = "SALLYPORT_BENCH_ATLANTIS"

const hookSecret = "0123456789abcdef"

// atlantis is a server of Atlantis before a GitHub that knows one repository and answers what Atlantis asks of a pull request.
type atlantis struct {
	tb   testing.TB
	repo *gittest.Repo
	at   string // its address
	site *httptest.Server

	mu        sync.Mutex
	number    int // of the newest pull request
	files     []string
	asked     []string
	commented chan string // the text of a comment
}

// newAtlantis starts it, with so many plans at a time.
func newAtlantis(tb testing.TB, binary string, parallel int, first map[string]string) *atlantis {
	tb.Helper()
	top := tb.TempDir()
	must(tb, os.Mkdir(filepath.Join(top, "acme"), 0o700))
	a := &atlantis{tb: tb, repo: gittest.NewRepo(tb, filepath.Join(top, "acme"), "infra"), commented: make(chan string, 100)}
	a.repo.Commit("first", first)
	git, err := url.Parse(gittest.NewHTTP(tb, top, gittest.HTTPOptions{Plain: true}).URL(""))
	must(tb, err)
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: git.Scheme, Host: git.Host})
	a.site = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") {
			a.api(w, r)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	tb.Cleanup(a.site.Close)
	ca := write(tb, filepath.Join(top, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.site.Certificate().Raw})), 0o600)
	home := tb.TempDir()
	port := freePort(tb)
	a.at = fmt.Sprintf("http://127.0.0.1:%d", port)
	cmd := exec.Command(binary, "server", "--gh-hostname", strings.TrimPrefix(a.site.URL, "https://"), "--gh-user", "bot", "--gh-token", "t",
		"--gh-webhook-secret", hookSecret, "--repo-allowlist", "*", "--data-dir", filepath.Join(home, "data"), "--port", fmt.Sprint(port),
		"--atlantis-url", a.at, "--tf-download=false", "--default-tf-version", "1.11.4", "--parallel-pool-size", fmt.Sprint(parallel),
		"--repo-config-json", `{"repos":[{"id":"/.*/","allowed_overrides":["workflow"]}]}`, "--checkout-strategy", "branch", "--log-level", "warn")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "SSL_CERT_FILE=" + ca, "GIT_SSL_CAINFO=" + ca, "CHECKPOINT_DISABLE=1"}
	log := &logged{}
	cmd.Stdout, cmd.Stderr = log, log
	must(tb, cmd.Start())
	tb.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // an error: it was killed
		if tb.Failed() {
			tb.Logf("atlantis:\n%s\nasked: %q", log.text(), a.asked)
		}
	})
	a.ready()
	return a
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	defer func() { must(tb, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

// ready waits until it answers.
func (a *atlantis) ready() {
	a.tb.Helper()
	limit := time.After(patience)
	for {
		res, err := http.Get(a.at + "/healthz")
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-limit:
			a.tb.Fatalf("atlantis does not get ready: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// plan opens a pull request that changes files, and returns how long it took from the webhook to the comment with the plans.
func (a *atlantis) plan(files map[string]string) time.Duration {
	a.tb.Helper()
	a.mu.Lock()
	a.number++
	n := a.number
	a.files = nil
	for name := range files {
		a.files = append(a.files, name)
	}
	a.mu.Unlock()
	branch := fmt.Sprintf("change-%d", n)
	a.repo.Git("checkout", "-q", "-b", branch, "origin/main")
	a.repo.Write(files)
	a.repo.Git("add", "-A")
	a.repo.Git("commit", "-q", "-m", "next")
	a.repo.Git("push", "-q", "origin", branch)
	body, err := json.Marshal(map[string]any{"action": "opened", "number": n, "pull_request": a.pull(n), "repository": a.about(), "sender": map[string]any{"login": "jane", "type": "User"}})
	must(a.tb, err)
	mac := hmac.New(sha256.New, []byte(hookSecret))
	_, _ = mac.Write(body) // never fails
	q, err := http.NewRequestWithContext(a.tb.Context(), http.MethodPost, a.at+"/events", bytes.NewReader(body))
	must(a.tb, err)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("X-Github-Event", "pull_request")
	q.Header.Set("X-Github-Delivery", fmt.Sprint(n))
	q.Header.Set("X-Hub-Signature-256", fmt.Sprintf("sha256=%x", mac.Sum(nil)))
	start := time.Now()
	res, err := http.DefaultClient.Do(q)
	must(a.tb, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		a.tb.Fatalf("atlantis answers a webhook with %s", res.Status)
	}
	planned := 0
	for limit := time.After(patience); planned < len(files); {
		select {
		case text := <-a.commented:
			if strings.Contains(text, "Error") {
				a.tb.Fatalf("atlantis failed: %s", text)
			}
			planned += strings.Count(text, "1 to add")
		case <-limit:
			a.tb.Fatalf("atlantis told of %d of %d plans", planned, len(files))
		}
	}
	return time.Since(start)
}

func (a *atlantis) about() map[string]any {
	return map[string]any{"id": 1, "name": "infra", "full_name": "acme/infra", "private": true, "default_branch": "main",
		"clone_url": a.site.URL + "/acme/infra.git", "html_url": a.site.URL + "/acme/infra", "owner": map[string]any{"login": "acme"}}
}

func (a *atlantis) pull(n int) map[string]any {
	branch := fmt.Sprintf("change-%d", n)
	return map[string]any{"number": n, "state": "open", "title": "next", "html_url": fmt.Sprintf("%s/acme/infra/pull/%d", a.site.URL, n),
		"user": map[string]any{"login": "jane", "type": "User"}, "mergeable": true, "mergeable_state": "clean", "draft": false,
		"head": map[string]any{"ref": branch, "sha": a.repo.GitBare("rev-parse", branch), "repo": a.about()},
		"base": map[string]any{"ref": "main", "sha": a.repo.GitBare("rev-parse", "main"), "repo": a.about()}}
}

// api answers what Atlantis asks of GitHub.
func (a *atlantis) api(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	n, files := a.number, a.files
	a.asked = append(a.asked, r.Method+" "+r.URL.Path)
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	var answer any = map[string]any{}
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/comments"):
		raw, _ := io.ReadAll(r.Body) // a comment cut short counts for no plan
		w.WriteHeader(http.StatusCreated)
		a.commented <- string(raw)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusCreated)
	case strings.HasSuffix(r.URL.Path, "/files"):
		list := []map[string]any{}
		for _, name := range files {
			list = append(list, map[string]any{"filename": name, "status": "modified"})
		}
		answer = list
	case strings.HasSuffix(r.URL.Path, fmt.Sprintf("/pulls/%d", n)):
		answer = a.pull(n)
	case strings.Contains(r.URL.Path, "/comments"), strings.Contains(r.URL.Path, "/reviews"):
		answer = []any{}
	}
	_ = json.NewEncoder(w).Encode(answer) // who has gone needs none
}

// logged is what a process says.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
