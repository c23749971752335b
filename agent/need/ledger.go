package need

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// ledgerEnv names the file into which this process records what it skips. It is a variable of the environment because
// tests change HOME, by which the place was found.
const ledgerEnv = "SALLYPORT_TEST_SKIPS"

// ledger is the record of one process. All processes of one go command have theirs in one directory. Each holds a lock on
// its own for as long as it lives, so that the last one to end knows that it is the last.
type ledger struct {
	file *flock.Flock
	dir  string // of the go command
	all  string // of all go commands
}

func openLedger() (*ledger, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	all := filepath.Join(cache, "sallyport-test", "skips")
	l := &ledger{all: all, dir: filepath.Join(all, command())}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	done, err := l.alone()
	if err != nil {
		return nil, err
	}
	defer done()
	l.sweep()
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(l.dir, strconv.Itoa(os.Getpid())+".skips")
	l.file = flock.New(path)
	if err := l.file.Lock(); err != nil {
		return nil, err
	}
	return l, os.Setenv(ledgerEnv, path)
}

// command is the name of the go command that runs these tests, or of this process if it was started by something else.
func command() string {
	if pid := os.Getppid(); isGo(pid) {
		return strconv.Itoa(pid)
	}
	return strconv.Itoa(os.Getpid())
}

// alone waits until no other process looks at the records.
func (l *ledger) alone() (done func(), err error) {
	lock := flock.New(filepath.Join(l.all, ".lock"))
	if err := lock.Lock(); err != nil {
		return nil, err
	}
	return func() { _ = lock.Close() }, nil
}

// sweep removes what go commands left that have ended.
func (l *ledger) sweep() {
	entries, err := os.ReadDir(l.all)
	if err != nil {
		return // nothing is wrong but that some small files stay
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join("/proc", e.Name())); e.IsDir() && errors.Is(err, os.ErrNotExist) {
			_ = os.RemoveAll(filepath.Join(l.all, e.Name()))
		}
	}
}

// close says what this process skipped, and, if no other of the same go command still runs, what all have skipped since
// somebody last said so.
func (l *ledger) close() {
	own, _ := os.ReadFile(l.file.Path())
	if line := summary(string(own)); line != "" {
		fmt.Println(line)
	}
	done, err := l.alone()
	if err != nil {
		return // the tests' own result is not touched by that
	}
	defer done()
	_ = l.file.Close()
	files, _ := filepath.Glob(filepath.Join(l.dir, "*.skips"))
	var text strings.Builder
	for _, file := range files {
		lock := flock.New(file)
		if free, err := lock.TryLock(); err != nil || !free {
			return
		}
		defer func() { _ = lock.Close() }()
		part, _ := os.ReadFile(file)
		text.Write(part)
	}
	for _, file := range files {
		_ = os.Remove(file)
	}
	if line := summary(text.String()); line != "" && (!shown() || text.String() != string(own)) {
		_, _ = fmt.Fprintln(console(), line)
	}
}

// record adds a skipped test to this process's file. Without one, which is where [Main] does not run the tests, it does
// nothing.
func record(missing, test string) error {
	path := os.Getenv(ledgerEnv)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if errors.Is(err, os.ErrNotExist) {
		// A container that shares the cache does not see this process, and has swept its record away.
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\t%s\n", missing, test)
	return errors.Join(err, f.Close())
}

// summary counts records in one line. It is empty if there are none.
func summary(records string) string {
	counts := make(map[string]int)
	total := 0
	for line := range strings.Lines(records) {
		missing, _, _ := strings.Cut(line, "\t")
		counts[missing]++
		total++
	}
	if total == 0 {
		return ""
	}
	var reasons []string
	for missing, n := range counts {
		reasons = append(reasons, fmt.Sprintf("%d because %s", n, missing))
	}
	slices.SortFunc(reasons, func(a, b string) int {
		n, m := count(a), count(b)
		if n != m {
			return m - n
		}
		return strings.Compare(a, b)
	})
	return fmt.Sprintf("skipped tests: %d (%s); go test -v names them", total, strings.Join(reasons, ", "))
}

// count is the number that a reason begins with.
func count(reason string) int {
	var n int
	_, _ = fmt.Sscan(reason, &n)
	return n
}

// shown reports whether people see what this process prints even if its tests pass.
func shown() bool { return testing.Verbose() || !isGo(os.Getppid()) || streamed(os.Getppid()) }
