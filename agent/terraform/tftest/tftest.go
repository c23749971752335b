// Package tftest lets tests run the real terraform with real providers and no registry.
//
// Providers are built once per machine from released Go modules with `go install` and are kept in the user's cache
// directory, laid out as a filesystem mirror. The first build takes a minute or two and needs the module proxy; a test
// is skipped, with the reason, only when that cannot be reached. Nothing here reads or writes ~/.terraformrc or
// ~/.terraform.d.
//
//	env := tftest.Environment(t, tftest.CLIConfig(t, tftest.ProviderMirror(t)))
//	tftest.Run(t, dir, env, "init")
package tftest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"sallyport/agent/need"
)

// A provider is one that builds with a plain `go install` at the version and module path given.
type provider struct {
	name, version, module string
}

// Address is the provider's source address, without the host.
func (p provider) address() string { return "hashicorp/" + p.name }

func (p provider) binary() string {
	return "terraform-provider-" + p.name + "_v" + p.version
}

// providers are what [ProviderMirror] holds: files on disk that can vanish (local), and delays (time).
func providers() []provider {
	return []provider{
		{"local", "1.4.0", "github.com/terraform-providers/terraform-provider-local@v1.4.0"},
		{"time", "0.14.2", "github.com/hashicorp/terraform-provider-time@v0.14.2"},
	}
}

// registry is the host under which terraform looks for providers that name none.
const registry = "registry.terraform.io"

// platform is terraform's name of this machine's kind.
func platform() string { return runtime.GOOS + "_" + runtime.GOARCH }

// Terraform returns the path of the terraform in PATH, where the package's TestMain has put one; see [need.Terraform].
func Terraform(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatalf("there is no terraform: %v", err)
	}
	return path
}

// ProviderMirror returns a directory to use as a filesystem mirror (unpacked layout) with hashicorp/local 1.4.0 and
// hashicorp/time 0.14.2. It builds them if no earlier test on this machine did. Treat it as read-only.
func ProviderMirror(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no user cache directory for the providers: %v", err)
	}
	root := filepath.Join(cache, "sallyport-test", "providers-1")
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatalf("making the provider cache: %v", err)
	}
	lock := flock.New(filepath.Join(root, ".lock"))
	if err := lock.Lock(); err != nil {
		t.Fatalf("locking the provider cache: %v", err)
	}
	defer func() { _ = lock.Unlock() }()
	mirror := filepath.Join(root, "mirror")
	for _, p := range providers() {
		if err := p.build(mirror); err != nil {
			need.Skip(t, "the Go module proxy cannot be reached", fmt.Sprintf("building provider %s: %v", p.name, err))
		}
	}
	return mirror
}

// build installs the provider into the mirror unless it is there. The binary appears under its name only when it
// is whole.
func (p provider) build(mirror string) error {
	dir := filepath.Join(mirror, registry, p.address(), p.version, platform())
	target := filepath.Join(dir, p.binary())
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	bin, err := os.MkdirTemp("", "sallyport-provider-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(bin) }()
	cmd := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", p.module)
	cmd.Dir = bin // outside of any module
	cmd.Env = append(os.Environ(), "GOBIN="+bin, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go install %s: %w\n%s", p.module, err, out)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return install(filepath.Join(bin, "terraform-provider-"+p.name), target)
}

// install moves a file, across file systems too.
func install(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", data, 0o755); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// CLIConfig writes a terraform CLI configuration that knows one filesystem mirror and no registry, and returns its
// path. An empty mirror gives a configuration under which no provider can be installed at all.
func CLIConfig(t testing.TB, mirror string) string {
	t.Helper()
	if mirror == "" {
		mirror = t.TempDir()
	}
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	return writeFile(t, "terraform.rc", text)
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("writing %s: %v", name, err)
	}
	return path
}

// Environment returns a whole environment for terraform in tests: an own HOME, no checkpoint, no colours from
// outside, and the CLI configuration given (empty: one under which no provider can be installed).
func Environment(t testing.TB, cliConfig string) []string {
	t.Helper()
	if cliConfig == "" {
		cliConfig = CLIConfig(t, "")
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "LANG=C.UTF-8",
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_CONFIG_FILE=" + cliConfig,
	}
}

// Run runs terraform in dir and returns its output, both streams together. It fails the test if terraform does.
func Run(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	out, code := Try(t, dir, env, args...)
	if code != 0 {
		t.Fatalf("terraform %v: exit code %d\n%s", args, code, out)
	}
	return out
}

// RunTool is [Run] for another binary than the one that PATH has.
func RunTool(t testing.TB, binary, dir string, env []string, args ...string) string {
	t.Helper()
	out, code := try(t, binary, dir, env, args...)
	if code != 0 {
		t.Fatalf("%s %v: exit code %d\n%s", binary, args, code, out)
	}
	return out
}

// Try runs terraform in dir and returns its output, both streams together, and its exit code.
func Try(t testing.TB, dir string, env []string, args ...string) (output string, code int) {
	t.Helper()
	return try(t, Terraform(t), dir, env, args...)
}

func try(t testing.TB, binary, dir string, env []string, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running terraform %v: %v", args, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// Program writes a file that is run. No other test of this process may start one meanwhile: that would hold the file open for
// writing until its own exec, and running the file in that moment fails with "text file busy".
func Program(t testing.TB, file string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, content, 0o755); err != nil {
		t.Fatalf("writing a program: %v", err)
	}
}

// Write puts files into dir, by slash-separated names, making directories as needed.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatalf("making the directory of %s: %v", name, err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatalf("writing %s: %v", name, err)
		}
	}
}
