package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/repo/gittest"
)

// realGitea is a Gitea or a Forgejo of one's own, if this machine has one: what the doubles say of it is held against the real one.
type realGitea struct {
	t      *testing.T
	binary string
	dir    string
	url    string
	tokens map[string]string // by login
	log    bytes.Buffer
}

// giteaPeople are its accounts: two people, and the agent's.
func giteaPeople() []string { return []string{"jane", "joe", "sallyport-bot"} }

// giteaScopes are the scopes of the agent's token, as the README has them.
const giteaScopes = "write:repository,write:issue,read:user,read:organization"

func newRealGitea(t *testing.T) *realGitea {
	t.Helper()
	g := &realGitea{t: t, dir: t.TempDir(), tokens: map[string]string{}}
	for _, name := range []string{"gitea", "forgejo"} {
		if path, err := exec.LookPath(name); err == nil {
			g.binary = path
			break
		}
	}
	if g.binary == "" {
		need.Skip(t, "there is no gitea", "a gitea or forgejo on PATH lets the story be told with the real one")
	}
	g.start()
	for _, login := range giteaPeople() {
		g.run("admin", "user", "create", "--username", login, "--password", "Canary-0-password", "--email", login+"@example.com", "--must-change-password=false")
		scopes := "all"
		if login == "sallyport-bot" {
			scopes = giteaScopes
		}
		lines := strings.Fields(g.run("admin", "user", "generate-access-token", "--username", login, "--token-name", "test", "--scopes", scopes, "--raw"))
		g.tokens[login] = lines[len(lines)-1]
	}
	return g
}

// start starts the server at a port that is free, and waits until it answers. Another program may take the port in between, and then it
// ends at once.
func (g *realGitea) start() {
	g.t.Helper()
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			g.t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		_ = l.Close()
		g.url = fmt.Sprintf("http://127.0.0.1:%d", port)
		g.configure(port)
		g.run("migrate")
		if g.serve() {
			return
		}
	}
	g.t.Fatalf("gitea does not start:\n%s", g.log.String())
}

func (g *realGitea) configure(port int) {
	g.t.Helper()
	for _, dir := range []string{"custom/conf", "home"} {
		if err := os.MkdirAll(filepath.Join(g.dir, dir), 0o755); err != nil {
			g.t.Fatal(err)
		}
	}
	write(g.t, g.conf(), fmt.Sprintf(`
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
RUN_USER = %[4]s
WORK_PATH = %[1]s
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[2]d
ROOT_URL = %[3]s/
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = 0123456789abcdef
[service]
DISABLE_REGISTRATION = true
[actions]
ENABLED = false
[cron.update_checker]
ENABLED = false
[log]
MODE = console
LEVEL = error
`, g.dir, port, g.url, account()))
}

// account is who runs the tests; gitea ends where it is run as somebody else than it is told.
func account() string {
	if os.Geteuid() == 0 {
		return "root"
	}
	return os.Getenv("USER")
}

func (g *realGitea) conf() string { return filepath.Join(g.dir, "custom", "conf", "app.ini") }

func (g *realGitea) command(args ...string) *exec.Cmd {
	cmd := exec.Command(g.binary, append(args, "--config", g.conf())...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GITEA_WORK_DIR="+g.dir, "FORGEJO_WORK_DIR="+g.dir, "HOME="+filepath.Join(g.dir, "home"), "USER="+account())
	return cmd
}

func (g *realGitea) run(args ...string) string {
	g.t.Helper()
	cmd := g.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("gitea %v: %v\n%s%s", args, err, out, stderr.String())
	}
	return string(out)
}

// serve starts the server and reports whether it came to answer.
func (g *realGitea) serve() bool {
	g.t.Helper()
	cmd := g.command("web")
	cmd.Stdout, cmd.Stderr = &g.log, &g.log
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	up := false
	eventually(g.t, "gitea answers", func() (bool, any) {
		select {
		case <-ended:
			return true, nil
		default:
		}
		up = g.try("", http.MethodGet, "/version", nil) == nil
		return up, nil
	})
	if up {
		g.t.Cleanup(func() {
			_ = cmd.Process.Kill()
			<-ended
			if g.t.Failed() {
				g.t.Log(g.log.String())
			}
		})
	}
	return up
}

// try asks the API as somebody. out, if it is not nil, is filled from the answer.
func (g *realGitea) try(login, method, path string, in any, out ...any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, g.url+"/api/v1"+path, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if login != "" {
		r.Header.Set("Authorization", "token "+g.tokens[login])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s is %d: %.300s", method, path, resp.StatusCode, body)
	}
	for _, to := range out {
		if err := json.Unmarshal(body, to); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	return nil
}

func (g *realGitea) must(login, method, path string, in any, out ...any) {
	g.t.Helper()
	if err := g.try(login, method, path, in, out...); err != nil {
		g.t.Fatal(err)
	}
}

// push sends what is checked out to a branch, as somebody.
func (g *realGitea) push(r *gittest.Repo, login, branch string) string {
	g.t.Helper()
	to := strings.Replace(g.url, "http://", "http://"+login+":"+g.tokens[login]+"@", 1) + "/jane/infra.git"
	r.Git("push", "-q", to, "HEAD:refs/heads/"+branch)
	return r.Head()
}

// stands waits for the status of stack box of a commit.
func (g *realGitea) stands(commit, state, part string) {
	g.t.Helper()
	eventuallyWithin(g.t, patience.Limit(), fmt.Sprintf("%.8s is %s %q", commit, state, part), func() (bool, any) {
		var all struct {
			Statuses []struct{ Status, Context, Description string }
		}
		err := g.try("jane", http.MethodGet, "/repos/jane/infra/commits/"+commit+"/status", nil, &all)
		for _, one := range all.Statuses {
			if one.Context == "sallyport/box" && one.Status == state && strings.Contains(one.Description, part) {
				return true, nil
			}
		}
		return false, fmt.Sprint(all, err)
	})
}

// says waits until the one comment of a pull request says something.
func (g *realGitea) says(number int, part string) int64 {
	g.t.Helper()
	var id int64
	eventuallyWithin(g.t, patience.Limit(), fmt.Sprintf("the comment says %q", part), func() (bool, any) {
		var list []struct {
			ID   int64
			Body string
			User struct{ Login string }
		}
		err := g.try("jane", http.MethodGet, fmt.Sprintf("/repos/jane/infra/issues/%d/comments", number), nil, &list)
		if len(list) == 1 && list[0].User.Login == "sallyport-bot" && strings.Contains(list[0].Body, part) {
			id = list[0].ID
			return true, nil
		}
		return false, fmt.Sprint(list, err)
	})
	return id
}

// TestGiteaStory: with a real Gitea or Forgejo, from the pull request to the applied merge commit.
func TestGiteaStory(t *testing.T) {
	t.Parallel()
	whole(t)
	g, s, r := newRealGitea(t), newWorkspace(t), gittest.NewRepo(t, "", "infra")
	g.must("jane", http.MethodPost, "/user/repos", map[string]any{"name": "infra", "private": true, "default_branch": "main"})
	g.must("jane", http.MethodPut, "/repos/jane/infra/collaborators/joe", map[string]any{"permission": "write"})
	g.must("jane", http.MethodPut, "/repos/jane/infra/collaborators/sallyport-bot", map[string]any{"permission": "admin"})
	r.Commit("Begin", map[string]string{"box/main.tf": thing("one", "1")})
	begin := g.push(r, "jane", "main")
	token := write(t, filepath.Join(t.TempDir(), "token"), g.tokens["sallyport-bot"])
	h := newHouse(t, fmt.Sprintf(`
repository "infra" {
  url      = "%[1]s/jane/infra.git"
  branch   = "main"
  schedule = "@every 1s"
  gitea {
    url           = %[1]q
    repository    = "jane/infra"
    token         = file(%[2]q)
    pull_requests = "trusted"
  }
}
`, g.url, token)+stackBlock("box")+asking(s), slackEnv).start()
	g.stands(begin, "pending", "waiting for approval")
	s.Reply(jane, ops, card(t, s, 1).TS, "approve")
	g.stands(begin, "success", "applied by")

	// A pull request is planned, and told in one comment that is written anew with each head.
	r.Git("checkout", "-q", "-b", "topic")
	r.Commit("Add two", map[string]string{"box/main.tf": thing("one", "1") + thing("two", "2")})
	g.stands(g.propose(r), "success", "1 to create")
	first := g.says(1, "terraform_data.two")
	r.Commit("Add three", map[string]string{"box/main.tf": thing("one", "1") + thing("two", "2") + thing("three", "3")})
	g.stands(g.push(r, "jane", "topic"), "success", "2 to create")
	g.knows(1, r.Head())
	if again := g.says(1, "terraform_data.three"); again != first {
		t.Errorf("the comment is another one: %d, then %d", first, again)
	}

	// Somebody else approves and merges it; that is planned, asked for, applied and told.
	if err := g.try("jane", http.MethodPost, "/repos/jane/infra/pulls/1/reviews", map[string]any{"event": "APPROVED"}); err == nil {
		t.Error("an author can approve what is one's own, which the doubles do not let happen")
	}
	g.must("joe", http.MethodPost, "/repos/jane/infra/pulls/1/reviews", map[string]any{"event": "APPROVED"})
	merged := g.merge(1)
	m := posted(t, s, "2 to create", "pull request #1 by jane, approved by joe, merged by joe")
	g.stands(merged, "pending", "waiting for approval: 2 to create")
	s.Reply(joe, ops, m.TS, "approve")
	g.stands(merged, "success", "applied by")
	h.sees("no pull request is left", func(s status) bool { return len(s.PullRequests) == 0 && s.Stacks[0].AppliedCommit == merged })
	if text := h.try("doctor").stdout; !has(text, "gitea jane/infra at "+g.url, "it is sallyport-bot's", "administrator of the repository: granted") || strings.Contains(text, "fail ") {
		t.Errorf("doctor says\n%s", text)
	}
	for login, token := range g.tokens {
		if strings.Contains(h.Logged()+h.spoke()+s.Transcript(), token) {
			t.Errorf("the token of %s was seen", login)
		}
	}
}

// propose pushes what is checked out as a branch, and opens a pull request for it.
func (g *realGitea) propose(r *gittest.Repo) string {
	g.t.Helper()
	head := g.push(r, "jane", "topic")
	eventually(g.t, "the pull request is opened", func() (bool, any) { // Gitea looks at pushes one after the other
		err := g.try("jane", http.MethodPost, "/repos/jane/infra/pulls", map[string]any{"head": "topic", "base": "main", "title": "Add two"})
		return err == nil, err
	})
	return head
}

// knows waits until Gitea has written down who pushed a commit to a pull request. It comes to that some time after the push, and of one that
// was merged by then never.
func (g *realGitea) knows(number int, head string) {
	g.t.Helper()
	eventually(g.t, "the push is written down", func() (bool, any) {
		var list []struct{ Type, Body string }
		err := g.try("jane", http.MethodGet, fmt.Sprintf("/repos/jane/infra/issues/%d/timeline", number), nil, &list)
		for _, one := range list {
			if one.Type == "pull_push" && strings.Contains(one.Body, head) {
				return true, nil
			}
		}
		return false, fmt.Sprint(list, err)
	})
}

// merge merges a pull request as joe, who waits until the server has looked whether that can be done.
func (g *realGitea) merge(number int) string {
	g.t.Helper()
	path := fmt.Sprintf("/repos/jane/infra/pulls/%d", number)
	var pull struct {
		Merged bool
		Commit string `json:"merge_commit_sha"`
	}
	eventually(g.t, "it is merged", func() (bool, any) {
		err := g.try("joe", http.MethodPost, path+"/merge", map[string]any{"Do": "merge"})
		g.must("joe", http.MethodGet, path, nil, &pull)
		return pull.Merged, err
	})
	return pull.Commit
}
