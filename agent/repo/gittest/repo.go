// Package gittest runs real git servers on loopback for tests: git http-backend with or without TLS, OpenSSH's sshd, a
// proxy that stalls or cuts, and a host that never answers. Everything ends with the test.
package gittest

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// Repo is a bare repository to be served and a work tree that pushes into it. Its branch is main.
type Repo struct {
	Name string // of the bare repository below its server's root: "infra.git"
	Bare string // its directory
	Work string // the work tree's directory

	tb    testing.TB
	clock atomic.Int64 // seconds since the first commit, so that commits have an order
}

// NewRepo makes an empty repository NAME.git below root; root may be "" for a directory of its own.
func NewRepo(tb testing.TB, root, name string) *Repo {
	tb.Helper()
	if root == "" {
		root = tb.TempDir()
	}
	r := &Repo{Name: name + ".git", Bare: filepath.Join(root, name+".git"), Work: filepath.Join(tb.TempDir(), name), tb: tb}
	r.git(root, "init", "-q", "--bare", "-b", "main", r.Bare)
	r.git(root, "init", "-q", "-b", "main", r.Work)
	r.Git("remote", "add", "origin", r.Bare)
	return r
}

// Root is the directory to serve.
func (r *Repo) Root() string { return filepath.Dir(r.Bare) }

// Write writes files of the work tree. An empty content removes the file; a path that ends in "*" is made executable
// and loses the star; content that starts with "-> " makes a symlink.
func (r *Repo) Write(files map[string]string) {
	r.tb.Helper()
	for name, content := range files { // first, so that a directory can take the place of a file
		if content == "" {
			r.must(os.RemoveAll(filepath.Join(r.Work, filepath.FromSlash(strings.TrimSuffix(name, "*")))))
		}
	}
	for name, content := range files {
		if content == "" {
			continue
		}
		perm := os.FileMode(0o644)
		if strings.HasSuffix(name, "*") {
			name, perm = strings.TrimSuffix(name, "*"), 0o755
		}
		path := filepath.Join(r.Work, filepath.FromSlash(name))
		r.must(os.MkdirAll(filepath.Dir(path), 0o755))
		r.must(os.RemoveAll(path))
		if target, isLink := strings.CutPrefix(content, "-> "); isLink {
			r.must(os.Symlink(target, path))
		} else {
			r.must(os.WriteFile(path, []byte(content), perm))
		}
	}
}

// Commit writes files, commits everything and pushes the branch that is checked out. It returns the commit's hash.
func (r *Repo) Commit(subject string, files map[string]string) string {
	r.tb.Helper()
	r.Write(files)
	r.Git("add", "-A")
	r.Git("commit", "-q", "--allow-empty", "-m", subject)
	r.Git("push", "-q", "--force", "origin", "HEAD")
	return r.Head()
}

// Import commits exactly these files to a ref of the bare repository, past the work tree: names can be what no file system
// holds. Content that starts with "-> " makes a symlink, "submodule" a submodule; a path that ends in "*" is executable and
// loses the star. parent is a commit, or empty for a first one. It returns the commit's hash.
func (r *Repo) Import(ref, parent string, files map[string]string) string {
	r.tb.Helper()
	var in strings.Builder
	fmt.Fprintf(&in, "commit %s\ncommitter Jane Doe <jane@example.com> %d +0000\ndata 6\nimport\n", ref, 1_700_000_000+r.clock.Add(1))
	if parent != "" {
		fmt.Fprintf(&in, "from %s\n", parent)
	}
	in.WriteString("deleteall\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, mode := files[name], "100644"
		if text == "submodule" {
			fmt.Fprintf(&in, "M 160000 %s %s\n", strings.Repeat("1", 40), quotePath(name))
			continue
		}
		if target, link := strings.CutPrefix(text, "-> "); link {
			text, mode = target, "120000"
		} else if strings.HasSuffix(name, "*") {
			name, mode = strings.TrimSuffix(name, "*"), "100755"
		}
		fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, quotePath(name), len(text), text)
	}
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Env, cmd.Stdin = r.Bare, cleanEnviron(), strings.NewReader(in.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		r.tb.Fatalf("git fast-import: %v\n%s", err, out)
	}
	return r.GitBare("rev-parse", ref)
}

// quotePath writes a path the way git does.
func quotePath(name string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(name) {
		if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\%03o", c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Head is the hash of the work tree's commit.
func (r *Repo) Head() string { return r.Git("rev-parse", "HEAD") }

// Git runs git in the work tree and returns its trimmed output.
func (r *Repo) Git(args ...string) string {
	r.tb.Helper()
	return r.git(r.Work, args...)
}

// GitBare runs git in the bare repository.
func (r *Repo) GitBare(args ...string) string {
	r.tb.Helper()
	return r.git(r.Bare, args...)
}

func (r *Repo) git(dir string, args ...string) string {
	r.tb.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	when := fmt.Sprintf("%d +0000", 1_700_000_000+r.clock.Add(1))
	cmd.Env = append(cleanEnviron(),
		"GIT_AUTHOR_NAME=Jane Doe", "GIT_AUTHOR_EMAIL=jane@example.com", "GIT_AUTHOR_DATE="+when,
		"GIT_COMMITTER_NAME=Jane Doe", "GIT_COMMITTER_EMAIL=jane@example.com", "GIT_COMMITTER_DATE="+when,
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *Repo) must(err error) {
	r.tb.Helper()
	if err != nil {
		r.tb.Fatal(err)
	}
}

// cleanEnviron is this process's environment without what would steer git.
func cleanEnviron() []string {
	env := []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0"}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return env
}
