package starter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/config"
)

// checkout makes a repository with files and, if origin is not empty, with that one.
func checkout(t *testing.T, origin string, files ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "Infra")
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName("trunk")}})
	if err != nil {
		t.Fatal(err)
	}
	if origin != "" {
		if _, err := r.CreateRemote(&gitconfig.RemoteConfig{Name: "origin", URLs: []string{origin}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		name, text, _ := strings.Cut(name, ": ")
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Whatever is looked at, what is written is valid, and finds the stacks.
func TestWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		origin string
		files  []string
		stacks string
		has    []string
		not    []string
	}{
		"no origin": {files: []string{"box/main.tf: "}, stacks: "box", has: []string{`repository "infra"`, `url    = "file:///`, `branch = "trunk"`}, not: []string{"token =   ", "ssh {"}},
		"the root":  {files: []string{"main.tf: "}, stacks: "infra", has: []string{`dir = "."`}},
		"a kind of stack, and others": {
			files:  []string{"services/jira/main.tf: ", "services/wiki/main.tf: ", "services/ghe/main.tf: module \"m\" { source = \"../../modules/m\" }", "network/main.tf: ", "modules/m/main.tf: ", "modules/n/main.tf: "},
			stacks: "network services-ghe services-jira services-wiki", has: []string{`stacks "services/*"`, `stack "network"`}, not: []string{"modules"},
		},
		"a test among them": {
			files:  []string{"s/a/main.tf: ", "s/b/main.tf: ", "s/c/main.tf: ", "s/test/main.tf: "},
			stacks: "s-a s-b s-c", has: []string{`exclude = ["s/test"]`},
		},
		"a directory like a glob": {files: []string{"s*/a/main.tf: ", "s*/b/main.tf: ", "s*/c/main.tf: "}, stacks: "s--a s--b s--c", not: []string{"stacks "}},
		"a public server": {
			origin: "https://git.example.internal/ops/platform.git", files: []string{"box/main.tf: "}, stacks: "box",
			has: []string{`repository "platform"`, `url    = "https://git.example.internal/ops/platform.git"`, "# token = credential(\"git-token\")"},
		},
		"a password in the address": {
			origin: "https://jane:hunter2@git.example.internal/ops/infra.git", files: []string{"box/main.tf: "}, stacks: "box",
			has: []string{`url    = "https://git.example.internal/ops/infra.git"`}, not: []string{"hunter2", "jane"},
		},
		"a deploy key that is not there": {
			origin: "git@git.example.internal:ops/infra.git", files: []string{"box/main.tf: "}, stacks: "box",
			has: []string{`# url = "git@git.example.internal:ops/infra.git"`, "# ssh {", `url    = "file:///`},
		},
		"an address that cannot be polled": {origin: "../infra.git", files: []string{"box/main.tf: "}, stacks: "box", has: []string{`url    = "file:///`}},
		"names for templates":              {files: []string{"${x}/main.tf: "}, stacks: "_-x-", has: []string{`dir = "$${x}"`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := checkout(t, tt.origin, tt.files...)
			to := t.TempDir()
			out, err := Write(Options{Checkout: dir, Path: to})
			if err != nil {
				t.Fatal(err)
			}
			if out.Path != filepath.Join(to, "sallyport.hcl") {
				t.Errorf("it is at %s", out.Path)
			}
			raw, err := os.ReadFile(out.Path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(out.Path, config.LoadOptions{}); err != nil {
				t.Errorf("it is not valid: %v\n%s", err, raw)
			}
			var names []string
			for _, s := range out.Found.Stacks {
				names = append(names, s.Name)
			}
			if got := strings.Join(names, " "); got != tt.stacks {
				t.Errorf("stacks %s, want %s in\n%s", got, tt.stacks, raw)
			}
			for _, part := range tt.has {
				if !strings.Contains(string(raw), part) {
					t.Errorf("%s is not in\n%s", part, raw)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(string(raw), part) {
					t.Errorf("%s is in\n%s", part, raw)
				}
			}
			if left, err := os.ReadDir(to); err != nil || len(left) != 1 {
				t.Errorf("there lie %v, %v", left, err)
			}
		})
	}
}

// What is there stays as it is, and nothing is written where nothing good would be.
func TestWriteNothing(t *testing.T) {
	good := checkout(t, "", "box/main.tf: ")
	there := filepath.Join(t.TempDir(), "sallyport.hcl")
	if err := os.WriteFile(there, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "dangling.hcl")
	if err := os.Symlink("nowhere", broken); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ checkout, path, want string }{
		"a file":            {good, there, "is there already"},
		"its directory":     {good, filepath.Dir(there), "is there already"},
		"a link to nowhere": {good, broken, "is there already"},
		"no directory":      {good, filepath.Join(t.TempDir(), "none", "sallyport.hcl"), "there is no directory"},
		"no repository":     {t.TempDir(), filepath.Join(t.TempDir(), "sallyport.hcl"), "is no git repository"},
		"no stacks":         {checkout(t, "", "README: hello"), filepath.Join(t.TempDir(), "sallyport.hcl"), "no directory of the repository makes a stack"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Write(Options{Checkout: tt.checkout, Path: tt.path}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if raw, err := os.ReadFile(there); err != nil || string(raw) != "mine" {
				t.Errorf("what was there is %q, %v", raw, err)
			}
		})
	}
}
