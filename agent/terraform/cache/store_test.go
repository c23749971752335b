package cache

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sallyport/agent/asuser"
	"sallyport/agent/need"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What another user has installed is copied into the store, where it can use it and not change it; no link is followed.
func TestCopyIntoTheStore(t *testing.T) {
	need.Root(t, "only root can give files away")
	t.Parallel()
	user := &asuser.User{Name: "somebody", UID: 12345, GID: 12346}
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	ok(t, os.WriteFile(secret, []byte("canary"), 0o600))
	r := Root{DataDir: filepath.Join(dir, "data"), User: user}
	rel := filepath.Join("registry.example", "acme", "thing", "1.0.0", platform())
	from := filepath.Join(r.DataDir, "providers", rel)
	ok(t, os.MkdirAll(from, 0o755))
	ok(t, os.WriteFile(filepath.Join(from, "terraform-provider-thing"), []byte("binary"), 0o755))
	ok(t, os.Symlink(secret, filepath.Join(from, "LICENSE")))
	ok(t, user.Own(r.DataDir))
	c := New(filepath.Join(dir, "cache"))
	ok(t, os.MkdirAll(c.dir, 0o700))
	ok(t, c.adopt(r, false))
	stored := filepath.Join(c.providers(), rel)
	if to, err := os.Readlink(from); err != nil || to != stored {
		t.Errorf("the data directory leads to %q, %v", to, err)
	}
	info, err := os.Stat(filepath.Join(stored, "terraform-provider-thing"))
	ok(t, err)
	if st := info.Sys().(*syscall.Stat_t); st.Uid != 0 || st.Gid != 12346 || info.Mode().Perm() != 0o755&^0o070|0o050 {
		t.Errorf("the provider is %s of %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	if link, err := os.Lstat(filepath.Join(stored, "LICENSE")); err == nil && link.Mode().IsRegular() {
		t.Error("what a link leads to was copied")
	}
	if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret is %v, %v", info.Mode(), err)
	}
}
