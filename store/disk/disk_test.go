package disk_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"sallyport/store/disk"
	"sallyport/store/disk/disktest"
)

func TestWriteReplacesTheWholeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte("a longer text than the next one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "new" {
		t.Errorf("content %q, %v", text, err)
	}
}

func TestWriteThatFailsLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	if err := disk.WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	err := disk.Write(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "half of the n")
		return errors.Join(err, full)
	})
	if !errors.Is(err, full) {
		t.Errorf("the error is %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
		t.Errorf("content %q, %v", text, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// Nothing may rely on a file whose name may be gone after a power cut.
func TestNamesAreSynced(t *testing.T) {
	tests := map[string]func(dir string) error{
		"of a file":      func(dir string) error { return disk.WriteFile(filepath.Join(dir, "state"), []byte("new")) },
		"of a directory": func(dir string) error { return disk.MkdirAll(filepath.Join(dir, "states", "ghe")) },
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			disktest.Unsyncable(t, func(dir string) {
				if err := write(dir); !errors.Is(err, fs.ErrPermission) {
					t.Errorf("the directory could not be synced, and the error is %v", err)
				}
			})
		})
	}
}

func TestMkdirAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "states", "ghe")
	for range 2 {
		if err := disk.MkdirAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
		t.Errorf("it is %v, %v", info, err)
	}
}

func TestIgnoreMissing(t *testing.T) {
	if err := disk.IgnoreMissing(os.Remove(filepath.Join(t.TempDir(), "nothing"))); err != nil {
		t.Errorf("a missing file: %v", err)
	}
	if err := disk.IgnoreMissing(fs.ErrPermission); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("another error became %v", err)
	}
}
