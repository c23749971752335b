package asuser_test

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/hint"
	"sallyport/agent/need"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Users who would not be kept from anything are refused with what to do.
func TestLookupRefuses(t *testing.T) {
	me, err := user.Current()
	must(t, err)
	for name, want := range map[string]string{"root": "root", me.Username: me.Username, "sallyport-none": "sallyport-none"} {
		_, err := asuser.Lookup(name)
		var told *hint.Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), want) || told.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfTheUser(t *testing.T) {
	need.Root(t, "only root can give files away")
	u := &asuser.User{Name: "somebody", UID: 12345, GID: 12346}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "sub"), 0o700))
	must(t, os.WriteFile(filepath.Join(tree, "sub", "run"), nil, 0o700))
	must(t, os.WriteFile(filepath.Join(tree, "sub", "read"), nil, 0o600))
	outside := filepath.Join(dir, "outside")
	must(t, os.WriteFile(outside, nil, 0o600))
	must(t, os.Symlink(outside, filepath.Join(tree, "link")))
	owner := func(path string) [2]uint32 {
		t.Helper()
		info, err := os.Lstat(path)
		must(t, err)
		st := info.Sys().(*syscall.Stat_t)
		return [2]uint32{st.Uid, st.Gid}
	}
	mode := func(path string) os.FileMode {
		t.Helper()
		info, err := os.Lstat(path)
		must(t, err)
		return info.Mode().Perm()
	}
	must(t, u.Share(tree))
	for path, want := range map[string]os.FileMode{"": 0o750, "sub": 0o750, "sub/run": 0o750, "sub/read": 0o640} {
		if have := mode(filepath.Join(tree, path)); have != want || owner(filepath.Join(tree, path)) != [2]uint32{0, 12346} {
			t.Errorf("shared %q: %04o of %v", path, have, owner(filepath.Join(tree, path)))
		}
	}
	must(t, u.Enter(tree))
	if have := mode(tree); have != 0o710 {
		t.Errorf("entered: %04o", have)
	}
	must(t, u.Own(tree))
	must(t, u.Own(tree)) // it is the user's: nothing in it is touched any more
	for _, path := range []string{"", "sub", "sub/run", "link"} {
		if have := owner(filepath.Join(tree, path)); have != [2]uint32{12345, 12346} {
			t.Errorf("given %q: it belongs to %v", path, have)
		}
	}
	if owner(outside) != [2]uint32{0, 0} || mode(outside) != 0o600 {
		t.Error("what a link leads to was given away")
	}
	must(t, asuser.Reclaim(tree))
	if have := owner(filepath.Join(tree, "sub", "run")); have[0] != 0 {
		t.Errorf("taken back: it belongs to %v", have)
	}
}
