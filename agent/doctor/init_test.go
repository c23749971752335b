package doctor

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/terraform/tftest"
)

// twoResources is a state as a backend keeps it.
const twoResources = `{"version": 4, "terraform_version": "1.1.0", "serial": 3, "lineage": "5b0c7f6e-0000-4000-8000-000000000001", "outputs": {},
"resources": [{"mode": "managed", "type": "terraform_data", "name": "node", "provider": "provider[\"terraform.io/builtin/terraform\"]",
"instances": [{"index_key": 0, "schema_version": 0, "attributes": {"id": "a"}}, {"index_key": 1, "schema_version": 0, "attributes": {"id": "b"}}]}]}`

// backend makes the stack's backend block, with the settings in backend_config.
func (b *bed) backend(kind, config string) {
	b.files["ghe/backend.tf"] = fmt.Sprintf("terraform {\n  backend %q {}\n}\n", kind)
	b.stacks = fmt.Sprintf("stack \"ghe\" {\n  dir = \"ghe\"\n  backend_config = { %s }\n}\n", config)
}

// mirrored makes a repository the mirror of the agent.
func (b *bed) mirrored(repo string) {
	must(b, os.MkdirAll(b.path("data/repos"), 0o700))
	must(b, os.Symlink(repo, b.path("data/repos/infra.git")))
	must(b, os.MkdirAll(b.path("empty"), 0o700))
}

// stateServer is an http backend that wants a password.
func stateServer(t *testing.T, answer http.HandlerFunc) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("the doctor only reads, and here is a %s", r.Method)
		}
		if _, password, _ := r.BasicAuth(); password != "state-password" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func withState(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(twoResources)) // whoever hung up will say so
}

func withNothing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }

func TestInit(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it asks terraform, git and a host for each case")
	account := func(url, password string) string {
		return fmt.Sprintf("address = %q, username = \"ghe\", password = %q", url, password)
	}
	tryAll(t, map[string]broken{
		"the git host is dead and the agent has it all": {func(b *bed) { b.mirrored(b.repo.Bare) },
			OK, "offline", "with git host and registry both dead", ""},
		"the git host is dead and the agent never saw the commit": {func(b *bed) { b.mirrored(b.path("empty")) },
			Warn, "offline", "the agent's mirror has no commit", "while the git host answers"},
		"the registry is dead and nothing is kept": {func(b *bed) {
			b.mirrored(b.repo.Bare)
			b.files["ghe/p.tf"] = "resource \"local_file\" \"f\" {\n  filename = \"f\"\n  content  = \"x\"\n}\n"
			b.more = fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", tftest.CLIConfig(b.t, tftest.ProviderMirror(b.t)))
		}, Warn, "offline", "nothing is kept of it yet", "sallyport plan ghe"},
		"kept by the agent": {func(*bed) {}, OK, "init", "terraform has its providers and modules", ""},
		"unknown provider, no registry": {func(b *bed) {
			b.files["ghe/p.tf"] = "terraform {\n  required_providers {\n    nobody = {\n      source = \"example/nobody\"\n    }\n  }\n}\n"
			b.more = fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", tftest.CLIConfig(b.t, ""))
		}, Fail, "init", "terraform init: Failed to query available provider packages", ""},
		"module that is not there": {func(b *bed) { b.files["ghe/m.tf"] = "module \"m\" {\n  source = \"./gone\"\n}\n" },
			Fail, "init", "Unreadable module directory", ""},
		"local state by an absolute path": {func(b *bed) {
			b.write("kept.tfstate", twoResources, 0o600)
			b.backend("local", fmt.Sprintf("path = %q", b.path("kept.tfstate")))
		}, OK, "init", "the backend answers: the state has 2 resources", ""},
		"no local state yet": {func(b *bed) { b.backend("local", fmt.Sprintf("path = %q", b.path("none.tfstate"))) },
			OK, "init", "there is no state yet", ""},
		"no such workspace yet": {func(b *bed) {
			b.backend("local", fmt.Sprintf("path = %q, workspace_dir = %q", b.path("none.tfstate"), b.path("ws")))
			b.stacks = strings.Replace(b.stacks, "\n}", "\n  workspace = \"prod\"\n}", 1)
		}, OK, "init", "the first plan makes the workspace prod", ""},
		"workspaces in the checkout": {func(b *bed) {
			b.backend("local", fmt.Sprintf("path = %q", b.path("none.tfstate")))
			b.stacks = strings.Replace(b.stacks, "\n}", "\n  workspace = \"prod\"\n}", 1)
		}, Fail, "init", "in the checkout, which is thrown away", "set workspace_dir"},
		"state of a workspace": {func(b *bed) {
			must(b, os.MkdirAll(b.path("ws/prod"), 0o700))
			b.write("ws/prod/terraform.tfstate", twoResources, 0o600)
			b.backend("local", fmt.Sprintf("path = %q, workspace_dir = %q", b.path("none.tfstate"), b.path("ws")))
			b.stacks = strings.Replace(b.stacks, "\n}", "\n  workspace = \"prod\"\n}", 1)
		}, OK, "init", "the state has 2 resources", ""},
		"http backend": {func(b *bed) { b.backend("http", account(stateServer(b.t, withState), "state-password")) },
			OK, "init", "the state has 2 resources", ""},
		"http backend without a state": {func(b *bed) { b.backend("http", account(stateServer(b.t, withNothing), "state-password")) },
			OK, "init", "there is no state yet", ""},
		"http backend that refuses": {func(b *bed) { b.backend("http", account(stateServer(b.t, withState), "wrong-password")) },
			Fail, "init", "HTTP remote state endpoint invalid auth", ""},
		"http backend that is away": {func(b *bed) {
			gone := httptest.NewServer(http.NotFoundHandler())
			gone.Close()
			b.backend("http", account(gone.URL, "x")+", retry_max = \"0\"")
		}, Fail, "init", "connection refused", "it may pass: try again"},
		"backend without its settings": {func(b *bed) { b.files["ghe/b.tf"] = "terraform {\n  backend \"s3\" {}\n}\n" },
			Fail, "init", "bucket", ""},
		"credentials that are elsewhere": {func(b *bed) {
			b.stacks = strings.Replace(b.stacks, "\n}", "\n  env = { CLOUD_TOKEN = credential(\"cloud\") }\n}", 1)
		}, Warn, "init", "needs CLOUD_TOKEN, which cannot be read here", "--credentials DIR"},
		"no terraform yet": {func(b *bed) { b.more = "terraform {\n  version = \"1.9.8\"\n}\n" },
			Warn, "init", "not tried: there is no terraform yet", "see terraform above"},
		"var file missing": {func(b *bed) { b.stacks = strings.Replace(b.stacks, "\n}", "\n  var_files = [\"x.tfvars\"]\n}", 1) },
			Fail, "var file", "x.tfvars is not on the branch", ""},
	})
}

// TestInitOfABackendThatHangs has one stack whose backend never answers, and several that do.
func TestInitOfABackendThatHangs(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "terraform waits in it for a server that does not answer")
	b := newBed(t)
	release := make(chan struct{})
	url := stateServer(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	b.backend("http", fmt.Sprintf("address = %q, password = \"state-password\", username = \"ghe\"", url))
	for i := range 3 {
		b.files[fmt.Sprintf("s%d/main.tf", i)] = "output \"a\" {\n  value = 1\n}\n"
		b.stacks += fmt.Sprintf("stack \"s%d\" {\n  dir = \"s%[1]d\"\n}\n", i)
	}
	b.o.init = patience.Scaled(5 * time.Second).Truncate(time.Second)
	text := strings.Join(strings.Fields(rendered(b.examine())), " ")
	if !strings.Contains(text, "fail init: terraform init: it has not ended after "+b.o.init.String()) || !strings.Contains(text, "plan_timeout") {
		t.Errorf("the hanging backend is not told:\n%s", text)
	}
	if n := strings.Count(text, "ok init: "); n != 3 {
		t.Errorf("%d stacks beside it are well, not 3:\n%s", n, text)
	}
}

// TestInitLeavesNothing looks for what the trials have left in the data directory and the temporary one.
func TestInitLeavesNothing(t *testing.T) {
	b := newBed(t)
	t.Setenv("TMPDIR", t.TempDir())
	b.examine()
	for _, dir := range []string{b.path("data"), os.TempDir()} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if path != dir {
				t.Errorf("%s is left", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
