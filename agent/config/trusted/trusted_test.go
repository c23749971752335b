package trusted

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
)

// TestCheckTrusted: whoever can write a file, a directory above it, or one that a link on the way lies in, has the file.
func TestCheckTrusted(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) string // returns the path that is checked
		want string                                // of the error, DIR in it; empty: none
	}{
		{"private", func(t *testing.T, dir string) string { return dir + "/a/b/file" }, ""},
		{"the file", func(t *testing.T, dir string) string { chmod(t, dir+"/a/b/file", 0o664); return dir + "/a/b/file" },
			"DIR/a/b/file may be written by group or others (mode 0664); mend it with `chmod 0644 DIR/a/b/file`"},
		{"its directory", func(t *testing.T, dir string) string { chmod(t, dir+"/a/b", 0o775); return dir + "/a/b/file" }, "`chmod 0755 DIR/a/b`"},
		{"a directory above", func(t *testing.T, dir string) string { chmod(t, dir+"/a", 0o777); return dir + "/a/b/file" }, "`chmod 0755 DIR/a`"},
		{"a directory above what is not there", func(t *testing.T, dir string) string { chmod(t, dir+"/a", 0o777); return dir + "/a/gone/file" }, "`chmod 0755 DIR/a`"},
		{"a sticky directory above", func(t *testing.T, dir string) string {
			chmod(t, dir+"/a", 0o777|os.ModeSticky)
			return dir + "/a/b/file"
		}, ""},
		{"a directory behind a link", func(t *testing.T, dir string) string {
			chmod(t, dir+"/a", 0o777)
			link(t, "a/b", dir+"/link")
			return dir + "/link/file"
		}, "`chmod 0755 DIR/a`"},
		{"a link in the middle of a chain", func(t *testing.T, dir string) string {
			mkdir(t, dir+"/open", 0o777)
			link(t, dir+"/a/b/file", dir+"/open/link")
			link(t, "open/link", dir+"/start")
			return dir + "/start"
		}, "`chmod 0755 DIR/open`"},
		{"a link upwards", func(t *testing.T, dir string) string { link(t, "../a", dir+"/a/up"); return dir + "/a/up/b/file" }, ""},
		{"a loop", func(t *testing.T, dir string) string { link(t, "loop", dir+"/loop"); return dir + "/loop" }, "too many symbolic links"},
		{"another owner above", func(t *testing.T, dir string) string { chown(t, dir+"/a", 65534); return dir + "/a/b/file" },
			"DIR/a belongs to user id 65534, who could change it at any time; mend it with `chown root DIR/a`"},
		{"a sticky directory of another owner", func(t *testing.T, dir string) string {
			chmod(t, dir+"/a", 0o777|os.ModeSticky)
			chown(t, dir+"/a", 65534)
			return dir + "/a/b/file"
		}, "`chown root DIR/a`"},
		{"another owner's link", func(t *testing.T, dir string) string {
			link(t, "a", dir+"/link")
			chown(t, dir+"/link", 65534)
			return dir + "/link/b/file"
		}, "`chown -h root DIR/link`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			mkdir(t, dir+"/a/b", 0o755)
			if err := os.WriteFile(dir+"/a/b/file", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			err := Check(c.make(t, dir))
			want := strings.ReplaceAll(c.want, "DIR", dir)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

func TestCheckDataDir(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string)
		want string
	}{
		{"as it is made", func(t *testing.T, dir string) { mkdir(t, dir+"/runs", 0o711) }, ""},
		{"that others go through", func(t *testing.T, dir string) { chmod(t, dir, 0o711) }, ""},
		{"not there", func(t *testing.T, dir string) {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
		}, ""},
		{"writable", func(t *testing.T, dir string) { chmod(t, dir, 0o770) }, "`chmod 0711 DIR`"},
		{"above", func(t *testing.T, dir string) { chmod(t, filepath.Dir(dir), 0o777) }, "mend it with `chmod 0755"},
		{"runs", func(t *testing.T, dir string) { mkdir(t, dir+"/runs", 0o777) }, "`chmod 0755 DIR/runs`"},
		{"somebody else's", func(t *testing.T, dir string) { chown(t, dir, 65534) }, "belongs to user id 65534, and the agent runs as 0; start it as that user, or mend it with `chown -R 0 DIR`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			mkdir(t, dir, 0o700)
			c.make(t, dir)
			err := CheckDataDir(dir)
			want := strings.ReplaceAll(c.want, "DIR", dir)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(path, mode); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode)
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// chown gives a path to somebody else, where that can be done.
func chown(t *testing.T, path string, uid int) {
	t.Helper()
	need.Root(t, "only root can give files away")
	if err := os.Lchown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}
