// Package disktest has a directory whose names cannot be made durable, for tests of who makes them so. That a name was synced leaves
// no trace that a test could look for without cutting the power; that it could not be does.
package disktest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is a user to whom no file belongs.
const nobody = 65534

// Unsyncable calls do, which must stay on its goroutine, with a directory in which files can be made, renamed and read by name, and
// that cannot be opened, as a sync has to.
func Unsyncable(t testing.TB, do func(dir string)) {
	t.Helper()
	top := t.TempDir()
	dir := filepath.Join(top, "unsyncable")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // or it could not be removed
	if os.Geteuid() != 0 {
		do(dir)
		return
	}
	// No mode keeps root out: this thread becomes somebody else for the file system.
	for _, above := range []string{filepath.Dir(top), top} {
		if err := os.Chmod(above, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setfsuid(nobody); err != nil {
			t.Error(err)
			return
		}
		do(dir)
	}()
	<-done
}
