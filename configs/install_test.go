package configs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
	"sallyport/configs"
)

// A host is a root to install into and a PATH with stand-ins for what install.sh calls, so that nothing of this machine
// decides the outcome.
type host struct {
	t    *testing.T
	root string
	bin  string // the PATH
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{t: t, root: filepath.Join(t.TempDir(), "root"), bin: t.TempDir()}
	for _, tool := range []string{
		"bash", "sh", "env", "id", "mkdir", "dirname", "basename", "install", "cmp", "mv", "rm", "cp", "sync", "mktemp",
		"cat", "sed", "head", "uname", "chmod", "rmdir",
	} {
		path := need.Program(t, tool)
		must(t, os.Symlink(path, filepath.Join(h.bin, tool)))
	}
	h.tool("terraform", `echo "Terraform v1.11.4"; echo "on linux_amd64"`)
	h.tool("git", "exit 0")
	for _, forbidden := range []string{"systemctl", "useradd", "groupadd", "chown"} {
		h.tool(forbidden, "touch "+h.bin+"/forbidden-"+forbidden)
	}
	return h
}

// tool puts a shell script into the PATH and returns its path.
func (h *host) tool(name, script string) string {
	h.t.Helper()
	path := filepath.Join(h.bin, name)
	must(h.t, os.WriteFile(path, []byte("#!"+h.bin+"/sh\n"+script+"\n"), 0o755))
	return path
}

// install runs install.sh and returns its output and exit code.
func (h *host) install(args ...string) (out string, code int) {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), filepath.Join(h.bin, "bash"), append([]string{"../install.sh"}, args...)...)
	cmd.Env = []string{"PATH=" + h.bin, "HOME=" + h.root, "TMPDIR=" + h.t.TempDir()}
	raw, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		h.t.Fatal(err)
	}
	for _, name := range []string{"systemctl", "useradd", "groupadd", "chown"} {
		if _, err := os.Lstat(filepath.Join(h.bin, "forbidden-"+name)); err == nil {
			h.t.Errorf("%s was called with --prefix", name)
		}
	}
	return string(raw), cmd.ProcessState.ExitCode()
}

// files lists what is installed, with modes.
func (h *host) files() map[string]string {
	h.t.Helper()
	found := map[string]string{}
	must(h.t, filepath.WalkDir(h.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		kind := "file"
		if d.IsDir() {
			kind = "dir"
		}
		found[strings.TrimPrefix(path, h.root)] = fmt.Sprintf("%s %04o", kind, info.Mode().Perm())
		return nil
	}))
	return found
}

func (h *host) read(path string) string {
	h.t.Helper()
	raw, err := os.ReadFile(filepath.Join(h.root, path))
	must(h.t, err)
	return string(raw)
}

func TestInstallTwice(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	binary := h.tool("built", "echo sallyport 1")
	out, code := h.install("--prefix", h.root, "--binary", binary)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for _, want := range []string{"terraform 1.11.4", "sallyport.hcl", "sallyport check", "sallyport doctor", "systemctl enable --now sallyport"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in the output:\n%s", want, out)
		}
	}
	want := map[string]string{
		"": "dir 0755", "/etc": "dir 0755", "/usr": "dir 0755", "/usr/local": "dir 0755", "/usr/local/bin": "dir 0755",
		"/var": "dir 0755", "/var/lib": "dir 0755", "/etc/systemd": "dir 0755", "/etc/systemd/system": "dir 0755",
		"/usr/local/bin/sallyport":                                 "file 0755",
		"/etc/sallyport":                                           "dir 0750",
		"/etc/sallyport/credentials":                               "dir 0700",
		"/etc/sallyport/users":                                     "dir 0700",
		"/etc/sallyport/sallyport.hcl":                             "file 0640",
		"/var/lib/sallyport":                                       "dir 0711",
		"/etc/systemd/system/sallyport.service":                    "file 0644",
		"/etc/systemd/system/sallyport.service.d":                  "dir 0755",
		"/etc/systemd/system/sallyport.service.d/credentials.conf": "file 0644",
	}
	if diff := cmp.Diff(want, h.files()); diff != "" {
		t.Errorf("installed (-want +have):\n%s", diff)
	}
	if h.read("/etc/sallyport/sallyport.hcl") != configs.SampleConfig || h.read("/etc/systemd/system/sallyport.service") != configs.Unit {
		t.Error("what was installed is not what the binary carries")
	}

	must(t, os.Chmod(filepath.Join(h.root, "/var/lib/sallyport"), 0o755)) // somebody's mistake
	out, code = h.install("--prefix", h.root, "--binary", binary)
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if diff := cmp.Diff(want, h.files()); diff != "" {
		t.Errorf("after the second time (-want +have):\n%s", diff)
	}
	if strings.Contains(out, "installed") || strings.Contains(out, "replaced") || strings.Contains(out, "made") {
		t.Errorf("the second time changed something:\n%s", out)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	if out, code := h.install("--prefix", h.root, "--binary", h.tool("old", "echo 1")); code != 0 {
		t.Fatal(out)
	}
	const (
		config = "/etc/sallyport/sallyport.hcl"
		unit   = "/etc/systemd/system/sallyport.service"
		dropin = unit + ".d/credentials.conf"
		binary = "/usr/local/bin/sallyport"
	)
	for _, path := range []string{config, unit, dropin} {
		must(t, os.WriteFile(filepath.Join(h.root, path), []byte("# mine\n"), 0o640))
	}
	before, err := os.Stat(filepath.Join(h.root, binary))
	must(t, err)
	running, err := os.Open(filepath.Join(h.root, binary))
	must(t, err)
	defer running.Close()

	out, code := h.install("--prefix="+h.root, "--binary="+h.tool("new", "echo 2"))
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	if h.read(config) != "# mine\n" || h.read(dropin) != "# mine\n" {
		t.Error("what was edited did not survive")
	}
	if h.read(config+".new") != configs.SampleConfig || !strings.Contains(out, config+".new") {
		t.Errorf("the new sample is not beside it, or nobody was told:\n%s", out)
	}
	if h.read(unit) != configs.Unit || h.read(unit+".old") != "# mine\n" {
		t.Error("the unit was not replaced, or the old one not kept")
	}
	after, err := os.Stat(filepath.Join(h.root, binary))
	must(t, err)
	// A new file under the old name: the processes that run the old one keep it whole.
	if !strings.Contains(h.read(binary), "echo 2") || os.SameFile(before, after) {
		t.Error("the binary was not replaced in one step")
	}
}

func TestInstallBuilds(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.tool("go", `echo "$PWD: go $*" > `+h.bin+`/called
while [ "$1" != -o ]; do shift; done
printf '#!`+h.bin+`/sh\necho built\n' > "$2"; chmod +x "$2"`)
	out, code := h.install("--prefix", h.root, "--no-systemd")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	called, err := os.ReadFile(filepath.Join(h.bin, "called"))
	must(t, err)
	if !strings.Contains(string(called), "go build -trimpath -o ") || !strings.HasSuffix(string(called), " ./agent/cmd/sallyport\n") {
		t.Errorf("called %s", called)
	}
	if !strings.Contains(h.read("/usr/local/bin/sallyport"), "echo built") {
		t.Error("what was built is not installed")
	}
	if _, err := os.Stat(filepath.Join(h.root, "etc/systemd")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a unit was installed: %v", err)
	}
	// What it says is for who may not become root; TestSteps does it.
	for _, word := range []string{"sudo", "chown", " -o "} {
		if strings.Contains(out, word) {
			t.Errorf("output speaks of %s:\n%s", word, out)
		}
	}
	if strings.Contains(out, "systemctl") {
		t.Errorf("output speaks of systemctl:\n%s", out)
	}
}

// The archive of a release has its program beside install.sh, and what .ci/release packs is there.
func TestInstallFromAnArchive(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	archive := t.TempDir()
	must(t, os.Mkdir(filepath.Join(archive, "configs"), 0o755))
	for _, file := range []string{"install.sh", "configs/sallyport.hcl", "configs/sallyport.service"} {
		text, err := os.ReadFile("../" + file)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(archive, file), text, 0o755))
	}
	must(t, os.Rename(h.tool("built", "echo of the archive"), filepath.Join(archive, "sallyport")))
	cmd := exec.CommandContext(t.Context(), filepath.Join(h.bin, "bash"), filepath.Join(archive, "install.sh"), "--prefix", h.root)
	cmd.Env = []string{"PATH=" + h.bin, "TMPDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(h.read("/usr/local/bin/sallyport"), "of the archive") {
		t.Errorf("%v\n%s", err, out)
	}
	named := 0
	for _, script := range []string{"release", "deb/nfpm.yaml"} {
		text, err := os.ReadFile("../.ci/" + script)
		must(t, err)
		for _, file := range regexp.MustCompile(`configs/[\w.-]+|install\.sh|README\.md|LICENSE`).FindAllString(string(text), -1) {
			named++
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf(".ci/%s: %v", script, err)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d files are packed", named)
	}
}

// Only what install.sh can bring again goes, unless --purge is said; and nothing goes under an apply.
func TestUninstall(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	binary := h.tool("built", `[ "$1" != status ] || cat `+h.bin+`/status 2>/dev/null
`+written("plan"))
	if out, code := h.install("--prefix", h.root, "--binary", binary); code != 0 {
		t.Fatal(out)
	}
	before := h.files()
	must(t, os.WriteFile(filepath.Join(h.bin, "status"), []byte("{\n  \"runs\": [\n    {\n      \"status\": \"applying\",\n"), 0o644))
	if out, code := h.install("--prefix", h.root, "--uninstall"); code != 1 || !strings.Contains(out, "an apply is at work") || cmp.Diff(before, h.files()) != "" {
		t.Errorf("beside an apply: exit %d\n%s", code, out)
	}
	must(t, os.Remove(filepath.Join(h.bin, "status")))
	out, code := h.install("--prefix", h.root, "--uninstall")
	after := h.files()
	for _, path := range slices.Concat(shared("plan"), []string{"/usr/local/bin/sallyport", "/etc/systemd/system/sallyport.service"}) {
		if before[path] == "" || after[path] != "" {
			t.Errorf("%s was %q and is %q", path, before[path], after[path])
		}
		delete(before, path)
	}
	if diff := cmp.Diff(before, after); diff != "" || code != 0 {
		t.Errorf("exit %d, left (-want +have):\n%s\n%s", code, diff, out)
	}
	if out, code := h.install("--prefix", h.root, "--uninstall", "--purge"); code != 0 {
		t.Errorf("exit %d\n%s", code, out)
	}
	if _, err := os.Lstat(h.root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", h.files())
	}
}

// Where --restart restarts nothing it says so: whoever reads nothing takes the new version for the one that runs.
func TestRestartThatIsNone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, want, called string }{
		"without systemd": {`live() { false; }`, "nothing was restarted: systemd does not run here", ""},
		"no agent runs":   {`live() { true; }; systemctl() { echo "called $*"; [ "$1" != is-active ]; }`, "nothing was restarted: no agent runs", ""},
		"an agent runs":   {`live() { true; }; systemctl() { echo "called $*"; }`, "the agent was restarted", "called restart sallyport"},
		"not asked for":   {`restart=no; live() { true; }; systemctl() { echo "called $*"; }`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := `source <(sed '$d' ../install.sh); restart=yes; ` + tc.before + `; running_agent || echo not`
			out, err := exec.CommandContext(t.Context(), need.Program(t, "bash"), "-c", words).CombinedOutput()
			said := string(out)
			if err != nil || !strings.Contains(said, tc.want) || strings.Contains(said, "not\n") != (tc.called == "") || !strings.Contains(said, tc.called) {
				t.Errorf("%v\n%s", err, said)
			}
		})
	}
}

func TestInstallFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(h *host)
		args    []string
		code    int
		want    string
	}{
		"unknown argument":       {args: []string{"--perfix", "x"}, code: 2, want: "unknown argument --perfix"},
		"no value":               {args: []string{"--prefix"}, code: 2, want: "--prefix needs a value"},
		"restart under a prefix": {args: []string{"--restart"}, code: 2, want: "--restart"},
		"purge alone":            {args: []string{"--purge"}, code: 2, want: "--purge goes with --uninstall"},
		"no go and no binary":    {code: 1, want: "--binary"},
		"no such binary":         {args: []string{"--binary", "/nonexistent"}, code: 1, want: "no file /nonexistent"},
		"binary of another machine": {
			prepare: func(h *host) { h.tool("foreign", "exit 126") }, args: []string{"--binary", "@BIN/foreign"},
			code: 1, want: "does not run on this machine",
		},
		"build fails": {prepare: func(h *host) { h.tool("go", "exit 1") }, code: 1, want: "building sallyport did not work"},
		"no terraform": {
			prepare: func(h *host) { must(h.t, os.Remove(h.bin+"/terraform")); h.tool("good", "exit 0") },
			args:    []string{"--binary", "@BIN/good"}, code: 0, want: "warning: terraform is not in PATH",
		},
		"old terraform": {
			prepare: func(h *host) { h.tool("terraform", "echo Terraform v0.14.11"); h.tool("good", "exit 0") },
			args:    []string{"--binary", "@BIN/good"}, code: 0, want: "terraform 0.14.11 is too old",
		},
		"no git": {
			prepare: func(h *host) { must(h.t, os.Remove(h.bin+"/git")); h.tool("good", "exit 0") },
			args:    []string{"--binary", "@BIN/good"}, code: 0, want: "warning: git is not in PATH",
		},
		"help": {args: []string{"--help"}, code: 0, want: "usage: sudo ./install.sh"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			if test.prepare != nil {
				test.prepare(h)
			}
			args := []string{"--prefix", h.root}
			for _, arg := range test.args {
				args = append(args, strings.ReplaceAll(arg, "@BIN", h.bin))
			}
			if name == "no value" {
				args = test.args
			}
			out, code := h.install(args...)
			if code != test.code || !strings.Contains(out, test.want) {
				t.Errorf("exit %d\n%s", code, out)
			}
			if _, err := os.Stat(filepath.Join(h.root, "usr/local/bin/sallyport")); test.code != 0 && err == nil {
				t.Error("something was installed")
			}
		})
	}
}

func TestShellcheck(t *testing.T) {
	t.Parallel()
	shellcheck := need.Program(t, "shellcheck")
	if out, err := exec.CommandContext(t.Context(), shellcheck, "../install.sh", "../.ci/run", "../.ci/release", "../.ci/deb/postinst", "../.ci/deb/prerm",
		"../.ci/deb/postrm").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
