package terraform

import (
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/tftest"
	"sallyport/notify/redact"
)

// network points a run at a registry that can go away.
func network(o PlanOptions, m *tftest.NetworkMirror) PlanOptions {
	o.CLIConfigFile, o.Env = m.CLIConfig, secrets(map[string]string{"SSL_CERT_FILE": m.CAFile})
	return o
}

func fileConfig(r *rig) string {
	return `resource "local_file" "f" {
		filename = "` + filepath.Join(r.dir, "file") + `"
		content  = "x"
	}`
}

func lockedChecksum(t *testing.T, o PlanOptions) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.WorkDir, cache.LockFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestProvidersWhenTheRegistryIsAway(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	o := network(r.options(main(fileConfig(r))), m)
	r.apply(o, r.plan(o))
	lock := lockedChecksum(t, o)
	if n := m.Downloads.Load(); n != 1 {
		t.Fatalf("%d downloads", n)
	}
	pkg := filepath.Join(r.providers(), "registry.terraform.io/hashicorp/local/1.4.0", here)
	if target, err := os.Readlink(filepath.Join(o.DataDir, "providers/registry.terraform.io/hashicorp/local/1.4.0", here)); target != pkg {
		t.Errorf("the run's package is %q (%v), not a link to the store", target, err)
	}

	o = network(r.options(map[string]string{"main.tf": fileConfig(r), cache.LockFile: lock}), m)
	o.Stack = "other"
	if res := r.plan(o); len(res.Warnings) > 0 || m.Downloads.Load() != 1 {
		t.Errorf("a locked provider of the store: warnings %v, %d downloads", res.Warnings, m.Downloads.Load())
	}

	binary := filepath.Join(pkg, "terraform-provider-local_v1.4.0")
	if err := os.Truncate(binary, 1000); err != nil {
		t.Fatal(err)
	}
	o = network(r.options(map[string]string{"main.tf": fileConfig(r), cache.LockFile: lock}), m)
	o.Stack = "other"
	r.plan(o)
	if info, err := os.Stat(binary); err != nil || info.Size() < 1e6 || m.Downloads.Load() != 2 {
		t.Errorf("a damaged package was not fetched again: %v, %d downloads", err, m.Downloads.Load())
	}

	m.Close()
	t.Run("same commit without a lock file", func(t *testing.T) {
		res := r.plan(network(r.options(main(fileConfig(r))), m))
		if got := strings.Join(res.Warnings, "\n"); strings.Contains(got, "could not be reached") {
			t.Errorf("warnings: %s", got)
		}
	})
	t.Run("another commit without a lock file", func(t *testing.T) {
		o := network(r.options(main(fileConfig(r)+"\nlocals {}")), m)
		o.Commit = strings.Repeat("d", 40)
		if got := strings.Join(r.plan(o).Warnings, "\n"); !strings.Contains(got, "those of commit cccccccccc, because something could not be reached") {
			t.Errorf("warnings: %s", got)
		}
	})
	t.Run("committed lock file, never seen stack", func(t *testing.T) {
		o := network(r.options(map[string]string{"main.tf": fileConfig(r), cache.LockFile: lock}), m)
		o.Stack = "new"
		r.plan(o)
	})
	t.Run("a provider that nobody has", func(t *testing.T) {
		o := network(r.options(main(fileConfig(r)+"\nresource \"time_static\" \"t\" {}")), m)
		o.Commit = strings.Repeat("e", 40)
		if e := failure(t, t.Context(), o); !e.Transient || !strings.Contains(e.Error(), "hashicorp/time") {
			t.Errorf("transient %v: %v", e.Transient, e)
		}
	})
}

func TestLockFileOfAnotherPlatform(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	o := network(r.options(main(fileConfig(r))), m)
	r.plan(o)
	lock := lockedChecksum(t, o)
	partial := lock[:strings.Index(lock, "hashes")] + "\n}\n" // pins the version and has no checksum
	for run := range 2 {
		o = network(r.options(map[string]string{"main.tf": fileConfig(r), cache.LockFile: partial}), m)
		o.Commit = strings.Repeat(fmt.Sprint(run), 40)
		res := r.plan(o)
		if got := strings.Join(res.Warnings, "\n"); !strings.Contains(got, "lacks checksums for this platform") {
			t.Errorf("run %d: warnings %q", run, got)
		}
		r.apply(o, res)
		m.Close() // the second run uses what the first one has completed
	}
}

func TestIncompleteLockFile(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	o := network(r.options(main(fileConfig(r))), m)
	r.plan(o)
	lock := lockedChecksum(t, o)
	files := map[string]string{"main.tf": fileConfig(r) + "\nresource \"time_static\" \"t\" {}", cache.LockFile: lock}
	for run := range 3 {
		o = network(r.options(files), m)
		o.Commit = strings.Repeat(fmt.Sprint(min(run, 1)), 40)
		if got := strings.Join(r.plan(o).Warnings, "\n"); !strings.Contains(got, "does not pin every provider") {
			t.Errorf("run %d: warnings %q", run, got)
		}
		if run == 1 {
			m.Close() // the third run is at the second one's commit
		}
	}
}

func TestLockFileWithMoreThanIsNeeded(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times with a real provider, one after the other")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	o := network(r.options(main(fileConfig(r)+"\nresource \"time_static\" \"t\" {}")), m)
	r.plan(o)
	lock := lockedChecksum(t, o)
	m.Close()
	o = network(r.options(map[string]string{"main.tf": fileConfig(r), cache.LockFile: lock}), m)
	o.Stack = "other"
	if res := r.plan(o); len(res.Warnings) > 0 {
		t.Errorf("warnings %v", res.Warnings)
	}
}

func TestParallelColdInits(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it initialises many times with a real provider")
	m, r := tftest.NewNetworkMirror(t), newRig(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		o := network(r.options(main(fileConfig(r))), m)
		o.Stack, o.StateDir = fmt.Sprint("s", i), filepath.Join(r.State, fmt.Sprint(i))
		wg.Go(func() { _, errs[i] = Plan(t.Context(), o) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("plan %d: %v", i, err)
		}
	}
}

// gitHost serves bare repositories over http with git's own server, to whoever knows the password.
func gitHost(t *testing.T, root, user, password string) *httptest.Server {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git: %v", err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(out)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server
}

func commitModule(t *testing.T, dir, text string) {
	t.Helper()
	tftest.Write(t, dir, map[string]string{"sub/main.tf": text})
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "."}, {"commit", "-q", "-m", "module"}} {
		cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

func TestPrivateModule(t *testing.T) {
	t.Parallel()
	need.Long(t, "it initialises many times, one after the other")
	const token = "s3cr3t/token@1"
	root := t.TempDir()
	commitModule(t, filepath.Join(root, "mod"), `
		resource "terraform_data" "m" { input = file("${path.module}/main.tf") }`)
	host, r := gitHost(t, root, "x-access-token", token), newRig(t)
	files := func(extra string) map[string]string {
		return map[string]string{
			"main.tf":       "module \"m\" {\n source = \"git::" + host.URL + "/mod/.git//sub\"\n}\nmodule \"l\" {\n source = \"./local\"\n}\n" + extra,
			"local/main.tf": "locals {}",
		}
	}
	e := failure(t, t.Context(), r.options(files("")))
	if !strings.Contains(e.Hint, "private module") || e.Transient {
		t.Errorf("without credentials: hint %q, transient %v: %v", e.Hint, e.Transient, e)
	}

	access := &credentials.Git{URL: host.URL + "/infra.git", Token: redact.NewSecret(token), ModulesFrom: []string{"mod/.git"}}
	o := r.options(files(""))
	o.GitAccess = access
	res := r.plan(o)
	if got := tftest.Brief(res.Plan); got != "module.m.terraform_data.m create config\n" {
		t.Errorf("changes: %s", got)
	}
	if leaks := strings.Join(res.Env, "\n"); strings.Contains(leaks, "s3cr3t") || strings.Contains(leaks, "credential") {
		t.Errorf("the apply's environment has git's credentials:\n%s", leaks)
	}
	if left, _ := filepath.Glob(filepath.Join(o.OutDir, "git*")); len(left) > 0 {
		t.Errorf("what lends git's credentials is left behind: %v", left)
	}

	host.Close()
	o = r.options(files(""))
	res = r.plan(o)
	if len(res.Warnings) > 0 {
		t.Errorf("the same commit with the host away: warnings %v", res.Warnings)
	}
	r.apply(o, res)
	o = r.options(files("locals {}"))
	o.Commit = strings.Repeat("d", 40)
	res = r.plan(o)
	if got := strings.Join(res.Warnings, "\n"); !strings.Contains(got, "those of commit cccccccccc") {
		t.Errorf("another commit with the host away: warnings %q", got)
	}
	r.apply(o, res)
}

func TestProcessesPerPlan(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts terraform many times")
	r := newRig(t)
	log := filepath.Join(r.dir, "processes")
	wrapper := filepath.Join(r.dir, "terraform")
	script := fmt.Sprintf("#!/bin/sh\necho \"$1 $2\" >> %s\nexec %s \"$@\"\n", log, r.tool.Path)
	tftest.Program(t, wrapper, []byte(script)) // other tests of this process start programs
	r.tool.Path = wrapper
	for n, want := range []string{
		"version init plan show show", "init plan show show",
		"init workspace workspace workspace plan show show", "init workspace workspace plan show show",
		"init workspace workspace plan show show", "workspace workspace plan show show",
		"init plan show show", "plan show show",
	} {
		o := r.options(main("locals {}"))
		if n >= 2 && n < 6 {
			o.Workspace = "blue"
		}
		o.KeepInit = n >= 4
		r.plan(o)
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(string(text)) {
			got = append(got, strings.Fields(line)[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("plan %d ran %v, want %s", n, got, want)
		}
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
}
