package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
	"sallyport/notify/github/githubtest"
)

const opsInfra = "ops/infra"

// enterprise is a GitHub Enterprise Server as one host shows it: the API below /api/v3, and git beside it for whoever brings a
// token that this server has given out.
type enterprise struct {
	*githubtest.Server
	*gittest.Repo
	t   *testing.T
	key string // file of the app's key
	url string

	mu     sync.Mutex
	tokens []string        // given out, oldest first
	used   map[string]bool // for git
}

func newEnterprise(t *testing.T) *enterprise {
	t.Helper()
	s, err := githubtest.New(githubtest.Options{
		App: true, TokenLife: 61 * time.Second, // a minute before its end it is renewed: each lasts a second here
		Users: []githubtest.User{{ID: 7, Login: "jane"}, {ID: 66, Login: "mallory"}},
		Repositories: []githubtest.Repository{
			{ID: 42, Name: opsInfra, Private: true, Access: map[string]string{"jane": "write"}},
			{ID: 43, Name: "mallory/infra", ForkOf: opsInfra},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Transcript())
		}
		s.Close()
	})
	e := &enterprise{Server: s, Repo: gittest.NewRepo(t, "", "infra"), t: t, used: map[string]bool{}}
	e.key = write(t, filepath.Join(t.TempDir(), "key.pem"), string(s.KeyPEM()))
	api := httputil.NewSingleHostReverseProxy(e.parse(s.URL()))
	api.ModifyResponse = e.overhear
	git := httputil.NewSingleHostReverseProxy(e.parse(gittest.NewHTTP(t, e.Root(), gittest.HTTPOptions{Plain: true}).URL("")))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v3/") {
			api.ServeHTTP(w, r)
			return
		}
		if !e.admits(r) {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "Bad credentials", http.StatusUnauthorized)
			return
		}
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	e.url = front.URL
	return e
}

func (e *enterprise) parse(raw string) *url.URL {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil {
		e.t.Fatal(err)
	}
	return u
}

// overhear notes the tokens that the server gives out.
func (e *enterprise) overhear(r *http.Response) error {
	if !strings.HasSuffix(r.Request.URL.Path, "/access_tokens") {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var answer struct{ Token string }
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tokens = append(e.tokens, answer.Token)
	return nil
}

// admits lets in whoever brings the newest token or the one before it, which may just have been fetched.
func (e *enterprise) admits(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	e.mu.Lock()
	defer e.mu.Unlock()
	recent := e.tokens[max(0, len(e.tokens)-2):]
	ok := user == "x-access-token" && slices.Contains(recent, password)
	if ok {
		e.used[password] = true
	}
	return ok
}

// canaries are every token that was ever given out.
func (e *enterprise) canaries() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.tokens)
}

func (e *enterprise) block() string {
	return fmt.Sprintf(`
repository "infra" {
  url      = "%[1]s/infra.git"
  branch   = "main"
  schedule = "@every 1s"
  github {
    url        = %[1]q
    repository = %[2]q
    app {
      id               = %[3]d
      installation_id  = %[4]d
      private_key_file = %[5]q
    }
    pull_requests = "trusted"
  }
}
`, e.url, opsInfra, githubtest.AppID, githubtest.InstallationID, e.key)
}

// land commits to the branch, of which the site knows.
func (e *enterprise) land(subject string, files map[string]string) string {
	hash := e.Commit(subject, files)
	e.AddCommit(opsInfra, githubtest.Commit{SHA: hash, Author: "jane"})
	return hash
}

// propose makes a head of a pull request that leaves the branch where it is.
func (e *enterprise) propose(number int, files map[string]string) string {
	e.t.Helper()
	e.Git("checkout", "-q", "-b", fmt.Sprintf("topic-%d", number))
	e.Write(files)
	e.Git("add", "-A")
	e.Git("commit", "-q", "-m", "a proposal")
	hash := e.Head()
	e.Git("push", "-q", "-f", "origin", fmt.Sprintf("HEAD:refs/pull/%d/head", number))
	e.Git("checkout", "-q", "main")
	return hash
}

// stands waits for a commit's status of stack box.
func (e *enterprise) stands(commit, state, part string) githubtest.Status {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	var found githubtest.Status
	if err := e.WaitFor(ctx, func() bool {
		found, _ = e.Server.Status(opsInfra, commit, "sallyport/box")
		return found.State == state && strings.Contains(found.Description, part)
	}); err != nil {
		e.t.Fatalf("%.8s never was %s %q: %v", commit, state, part, err)
	}
	return found
}

// says waits until the agent's comment says something.
func (e *enterprise) says(number int, part string) string {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience.Limit())
	defer cancel()
	var body string
	if err := e.WaitFor(ctx, func() bool {
		for _, c := range e.Comments(opsInfra, number) {
			if body = c.Body; strings.Contains(body, part) {
				return true
			}
		}
		return false
	}); err != nil {
		e.t.Fatalf("no comment says %q: %v", part, err)
	}
	return body
}

// TestPullRequestStory: from the pull request to the applied merge commit, as a GitHub App on GitHub Enterprise, over https
// and git alike; a fork's code is never run; and no secret turns up anywhere.
func TestPullRequestStory(t *testing.T) {
	t.Parallel()
	const secret = "canary-of-a-stack-77aa"
	e, o := newEnterprise(t), newOracle(t)
	file := write(t, filepath.Join(t.TempDir(), "secret"), secret)
	e.land("Begin", map[string]string{"box/main.tf": "variable \"password\" {}\n" + thing("one", "1")})
	// Its plan needs the secret, which plans of pull requests get only where the configuration says so.
	block := strings.Replace(e.block(), `"trusted"`, "\"trusted\"\nsecrets_to_previews = true", 1)
	h := newHouse(t, block+stackBlock("box", `vars = { password = file("`+file+`") }`)+o.block()).start()
	h.reaches("box", "planned")
	h.must("approve", h.number("box"))
	h.reaches("1", "applied")

	// A pull request: pending, planned, told in one comment; nobody is asked, and nothing can be applied.
	files := map[string]string{"box/main.tf": "variable \"password\" {}\n" + thing("one", "1") +
		"resource \"terraform_data\" \"two\" {\n  input = var.password\n}\n"}
	head := e.propose(1, files)
	n := e.OpenPull(opsInfra, githubtest.Pull{Author: "jane", Head: head, Title: "\x1b[31m<script>\u202e @ops", HeadRef: "a`b$(touch /tmp/x)"})
	e.stands(head, "success", "1 to create")
	body := e.says(n, "terraform_data.two")
	first := e.Statuses(opsInfra, head, "sallyport/box")[0]
	if first.State != "pending" || !strings.Contains(body, "(redacted)") {
		t.Errorf("at first it was %s %q; the comment says:\n%s", first.State, first.Description, body)
	}
	s := h.sees("the preview", func(s status) bool { return len(s.PullRequests) == 1 && s.PullRequests[0].Status == "previewed" })
	if s.PullRequests[0].Commit != head || s.PullRequests[0].PullRequest != n || s.Stacks[0].Run.Kind != "commit" {
		t.Errorf("the status is %+v", s)
	}
	h.refused(1, []string{"approve", fmt.Sprint(s.PullRequests[0].ID)}, "previewed")

	// A fork: terraform is not started once.
	before := len(o.deeds())
	fork := e.propose(2, map[string]string{"box/main.tf": thing("evil", "1")})
	e.OpenPull(opsInfra, githubtest.Pull{Author: "mallory", From: 43, Head: fork})
	e.says(2, "it comes from a fork")
	if after := o.deeds(); len(after) != before {
		t.Errorf("terraform was started for a fork: %+v", after[before:])
	}

	// The agent dies, and goes on where it was.
	h.kill()
	h.start()
	merged := e.land("Merge it", files)
	e.Merge(opsInfra, n, "jane", merged)
	h.sees("the pull request is gone, and its merge waits", func(s status) bool {
		return len(s.PullRequests) == 0 && s.Stacks[0].Run != nil && s.Stacks[0].Run.Commit == merged && s.Stacks[0].Run.Status == "planned"
	})
	e.stands(merged, "pending", "waiting for approval: 1 to create")
	h.must("approve", h.number("box"))
	e.stands(merged, "success", "applied by")
	if all := e.Comments(opsInfra, n); len(all) != 1 {
		t.Errorf("%d comments on one pull request", len(all))
	}

	e.mu.Lock()
	if len(e.used) < 2 {
		t.Errorf("%d tokens of %d were used for git; they are renewed each second", len(e.used), len(e.tokens))
	}
	e.mu.Unlock()
	everything := h.Logged() + h.spoke() + e.Transcript()
	for _, canary := range append(e.canaries(), secret) {
		if strings.Contains(everything, canary) {
			t.Errorf("%.12s... was seen", canary)
		}
	}
}

// TestPullRequestMovesWhilePlanned: a new head ends the plan of the one before, closing ends it for good, and what can be
// applied waits for none of them.
func TestPullRequestMovesWhilePlanned(t *testing.T) {
	t.Parallel()
	e, gate := newEnterprise(t), t.TempDir()
	// Plans of a slow configuration wait in the place of terraform.
	slow := wrapper(t, fmt.Sprintf(`if [ "$1" = plan ] && grep -q slow main.tf; then echo "$@" >> %[1]s/args; until [ -e %[1]s/go ]; do sleep 0.05; done; fi`, gate))
	e.land("Begin", map[string]string{"box/main.tf": thing("one", "1")})
	h := newHouse(t, e.block()+stackBlock("box")+fmt.Sprintf("terraform {\n  binary = %q\n}\n", slow)).start()
	h.reaches("box", "planned")

	first := e.propose(1, map[string]string{"box/main.tf": thing("slow", "1")})
	n := e.OpenPull(opsInfra, githubtest.Pull{Author: "jane", Head: first})
	e.stands(first, "pending", "planning")
	h.written(filepath.Join(gate, "args"))
	if args := read(t, filepath.Join(gate, "args")); !strings.Contains(args, "-lock=false") {
		t.Errorf("it wants the state lock: %s", args)
	}
	e.Git("branch", "-q", "-D", "topic-1")
	second := e.propose(1, map[string]string{"box/main.tf": thing("slow", "2")})
	e.Push(opsInfra, n, second)
	e.stands(first, "error", "superseded")
	e.stands(second, "pending", "planning")

	// The branch moves on beside it.
	commit := e.land("Go on", map[string]string{"box/main.tf": thing("two", "2")})
	e.stands(commit, "pending", "waiting for approval")
	h.must("approve", h.number("box"))
	e.stands(commit, "success", "applied by")

	e.ClosePull(opsInfra, n)
	e.stands(second, "error", "canceled")
	h.sees("no preview is left", func(s status) bool { return len(s.PullRequests) == 0 })
	var ends []string
	for _, r := range h.runs() {
		if r.Kind == "pull_request" {
			ends = append(ends, r.Status)
		}
	}
	if !slices.Equal(ends, []string{"canceled", "superseded"}) {
		t.Errorf("the previews ended %v", ends)
	}
}
