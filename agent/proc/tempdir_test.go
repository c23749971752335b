package proc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTempDir(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	fill := func(length int) string { return root + "/" + strings.Repeat("x", length-len(root)-1) }
	for name, c := range map[string]struct {
		wanted string
		short  bool
	}{
		"as long as it may be": {fill(max(maxTempDir, len(root)+2)), len(root)+2 > maxTempDir},
		"a byte longer":        {fill(max(maxTempDir, len(root)+2) + 1), true},
		"much longer":          {filepath.Join(fill(240), strings.Repeat("y", 200)), true},
	} {
		dir, remove, err := TempDir(c.wanted)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if (dir != c.wanted) != c.short || len(dir) > maxTempDir {
			t.Errorf("%s: %s, %d bytes", name, dir, len(dir))
		}
		if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
		if err := remove(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); (err == nil) == c.short {
			t.Errorf("%s: after its end: %v", name, err)
		}
		if _, err := os.Stat(filepath.Dir(dir)); c.short && err == nil {
			t.Errorf("%s: something is left in /tmp", name)
		}
	}
}
