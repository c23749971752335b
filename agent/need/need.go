// Package need says what tests need of the machine that they run on, and counts what is skipped where that is missing.
//
// Terraform is never skipped: whoever has none gets one, and where it cannot be had, a package's tests fail with one line. A
// proof that is missing must not look like one that was made. Everything else (sshd, packer, root) is skipped through
// [Skip], so that a line at the end can count what was left out and why:
//
//	func TestMain(m *testing.M) { os.Exit(need.Main(m, need.Terraform)) }
//
//	func TestOverSSH(t *testing.T) {
//		sshd := need.Program(t, "sshd")
//
// # Where the line is
//
// `go test ./...` runs one process for each package and throws away what a package prints whose tests pass. So the
// processes of one go command keep their counts together in the user's cache directory, and the one that ends last writes
// the sum to the go command's own standard error. What go test takes from its cache does not run and is not counted.
package need

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"sallyport/agent/terraform/release"
)

// Main runs the tests of a package and returns the exit code. What must be done first, like [Terraform], comes after m, and
// is undone in the end; the first error of that is printed and no test runs.
func Main(m *testing.M, first ...func() (undo func(), err error)) int {
	if !flag.Parsed() {
		flag.Parse()
	}
	if err := ordinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	l, err := openLedger()
	if err != nil {
		fmt.Fprintln(os.Stderr, "counting skipped tests:", err)
		return 1
	}
	defer l.close()
	for _, do := range first {
		undo, err := do()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer undo()
	}
	return m.Run()
}

// AtOnce is for tests that wait most of the time, for a poll, for a disk, for a terraform to start: n of them run at a time,
// unless -parallel says otherwise.
func AtOnce(n int) func() (undo func(), err error) {
	return func() (func(), error) {
		f := flag.Lookup("test.parallel")
		if f == nil || f.Value.String() != f.DefValue {
			return func() {}, nil
		}
		return func() {}, f.Value.Set(strconv.Itoa(n))
	}
}

// Terraform sees to it that terraform is on PATH: what is there, or else what [release.Cached] gives.
func Terraform() (undo func(), err error) {
	if _, err := exec.LookPath("terraform"); err == nil {
		return func() {}, nil
	}
	return terraformFrom(release.Site{Progress: console()})
}

func terraformFrom(site release.Site) (undo func(), err error) {
	// A failure holds for all packages of this go command: each would wait as long, and say the same.
	failure := filepath.Join(filepath.Dir(os.Getenv(ledgerEnv)), "no-terraform")
	if text, err := os.ReadFile(failure); err == nil {
		return nil, fmt.Errorf("%s", text)
	}
	path, err := release.Cached(context.Background(), site)
	if err != nil {
		err = fmt.Errorf("these tests need terraform: it is not on PATH, and %w: %s", err, release.Remedy)
		_ = os.WriteFile(failure, []byte(err.Error()), 0o600) // without it the next package tries for itself
		return nil, err
	}
	old := os.Getenv("PATH")
	dir, err := reachable(path)
	undo = func() {
		_ = os.Setenv("PATH", old) // as it was
		_ = os.RemoveAll(dir)
	}
	if err != nil {
		undo()
		return nil, fmt.Errorf("making a terraform that all users can run: %w", err)
	}
	return undo, os.Setenv("PATH", dir+string(filepath.ListSeparator)+old)
}

// reachable makes a temporary directory with a program, for all users: tests of root's run terraform as others, who do not
// get into root's cache directory.
func reachable(program string) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "sallyport-tool-"); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return dir, err
	}
	to := filepath.Join(dir, filepath.Base(program))
	if os.Geteuid() != 0 {
		return dir, os.Symlink(program, to)
	}
	if os.Link(program, to) == nil {
		return dir, nil
	}
	data, err := os.ReadFile(program) // it is on another file system
	if err != nil {
		return dir, err
	}
	return dir, os.WriteFile(to, data, 0o755)
}

// ordinary puts the directories of the ordinary commands (sh, cat, touch) at the end of a PATH that has none: the
// configurations of tests call them, and terraform is told nothing but that PATH.
func ordinary() error {
	if _, err := exec.LookPath("cat"); err == nil {
		return nil
	}
	path := "/usr/bin:/bin"
	if old := os.Getenv("PATH"); old != "" {
		path = old + ":" + path
	}
	return os.Setenv("PATH", path)
}

// Skip skips a test and counts it under what is missing.
func Skip(t testing.TB, missing, why string) {
	t.Helper()
	if err := record(missing, t.Name()); err != nil {
		t.Fatalf("counting a skipped test: %v", err)
	}
	t.Skipf("skipped: %s: %s", missing, why)
}

// Root skips a test that only root can run.
func Root(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "this is not root", why)
	}
}

// Long skips a test under -short.
func Long(t testing.TB, why string) {
	t.Helper()
	if testing.Short() {
		Skip(t, "-short was given", why)
	}
}

// LongUnlessRaced skips a test under -short, but not where the race detector looks on (-race -short): goroutines meet in it that
// meet nowhere cheaper, while whoever is writing has no use for its seconds.
func LongUnlessRaced(t testing.TB, why string) {
	t.Helper()
	if !RaceDetector {
		Long(t, why)
	}
}

// OneGoroutine skips a test where the race detector looks on under -short (-race -short): nothing meets in it, and it is several
// times slower there. `go test ./...` runs it.
func OneGoroutine(t testing.TB) {
	t.Helper()
	if RaceDetector {
		Long(t, "one goroutine is at work in it, which is nothing for the race detector")
	}
}

// Program returns the absolute path of a program, and skips the test if this machine has none. Servers are also looked for
// where they are outside of people's PATH.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, place := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(place); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	from := name
	if debian := map[string]string{"sshd": "openssh-server", "ssh-keygen": "openssh-client", "gpg": "gnupg", "systemd-analyze": "systemd",
		"flock": "util-linux", "promtool": "prometheus"}[name]; debian != "" {
		from = debian
	}
	Skip(t, "there is no "+name, "apt-get install "+from)
	return ""
}
