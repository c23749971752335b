package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/store/disk"
)

// What cannot be written fails with the same words each time, which name the file and not the one that is written in its place.
func TestErrorsOfWriteAreTheSameEachTime(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]string{"a directory in its place": path, "no directory": filepath.Join(dir, "none", "file")} {
		first, second := disk.WriteFile(at, nil), disk.WriteFile(at, nil)
		if first == nil || second == nil || first.Error() != second.Error() {
			t.Errorf("%s: %v, then %v", name, first, second)
		}
		var errno syscall.Errno
		if !errors.As(first, &errno) {
			t.Errorf("%s: %v has lost its cause", name, first)
		}
	}
}
