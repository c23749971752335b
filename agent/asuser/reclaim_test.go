package asuser_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
)

// tree is a directory of a user's in one of the agent's.
func tree(t *testing.T, u *asuser.User) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tree")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o711))
	top := filepath.Join(dir, "run", "src")
	must(t, os.MkdirAll(top, 0o700))
	must(t, os.WriteFile(filepath.Join(top, "deploy.sh"), []byte("echo good\n"), 0o700))
	must(t, os.WriteFile(filepath.Join(top, "main.tf"), []byte("# good\n"), 0o600))
	must(t, u.Own(top))
	must(t, u.Enter(filepath.Dir(top)))
	return top
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

// What is taken back belongs to the agent alone: nothing that the user prepared lets anybody write to it later.
func TestReclaim(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	top := tree(t, u)
	outside := filepath.Join(filepath.Dir(filepath.Dir(top)), "outside")
	must(t, os.WriteFile(outside, []byte("outside"), 0o600))
	runAs(t, u, fmt.Sprintf(`cd %[1]s && mkdir -p deep/er && echo x >deep/er/file && chmod 0 deep && ln -s %[2]s link && mkfifo pipe &&
		echo x >two && ln two second && chmod 0777 main.tf && chmod u+s deploy.sh`, top, outside))
	if _, err := exec.LookPath("setfacl"); err == nil {
		runAs(t, u, fmt.Sprintf("cd %s && setfacl -m u:%d:rwx . main.tf && setfacl -d -m u:%d:rwx .", top, other.UID, other.UID))
	}
	must(t, u.End())
	must(t, asuser.Reclaim(top))
	digest, err := asuser.Digest(filepath.Dir(top), "src", "none")
	must(t, err)
	must(t, filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		must(t, unix.Lstat(path, &st))
		if st.Uid != 0 || st.Gid != 0 || st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&0o7077 != 0 || st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink != 1 {
			t.Errorf("%s is of %d:%d with mode %o and %d names", path, st.Uid, st.Gid, st.Mode, st.Nlink)
		}
		if _, err := unix.Lgetxattr(path, "system.posix_acl_access", nil); err == nil {
			t.Errorf("%s has an access list", path)
		}
		return nil
	}))
	if _, err := os.Lstat(filepath.Join(top, "pipe")); err == nil {
		t.Error("a pipe is left")
	}
	if info, err := os.Stat(outside); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 || info.Mode().Perm() != 0o600 {
		t.Errorf("what a link leads to was touched: %v, %v", info, err)
	}
	if text(t, filepath.Join(top, "deploy.sh")) != "echo good\n" || text(t, filepath.Join(top, "second")) != "x\n" {
		t.Error("what was written is not what is there")
	}
	// The same again, given to another and taken back from it.
	must(t, other.Own(top))
	if _, err := asuser.Digest(filepath.Dir(top), "src", "none"); !errors.Is(err, asuser.ErrNotOurs) {
		t.Errorf("a digest of what is another's: %v", err)
	}
	must(t, asuser.Reclaim(top))
	again, err := asuser.Digest(filepath.Dir(top), "src", "none")
	if err != nil || again != digest {
		t.Errorf("the digest was %s and is %s, %v", digest, again, err)
	}
	for name, change := range map[string]func() error{
		"content": func() error { return os.WriteFile(filepath.Join(top, "main.tf"), []byte("# evil\n"), 0o600) },
		"mode":    func() error { return os.Chmod(filepath.Join(top, "second"), 0o700) },
		"name":    func() error { return os.Rename(filepath.Join(top, "two"), filepath.Join(top, "three")) },
		"link": func() error {
			return errors.Join(os.Remove(filepath.Join(top, "link")), os.Symlink("/x", filepath.Join(top, "link")))
		},
	} {
		must(t, change())
		now, err := asuser.Digest(filepath.Dir(top), "src", "none")
		if err != nil || now == digest {
			t.Errorf("%s: the digest does not change, %v", name, err)
		}
		digest = now
	}
}

// A descriptor that went to another user over a socket, or is mapped there, writes into nothing.
func TestReclaimFromDescriptorsPassedOn(t *testing.T) {
	_, users := crew(t, 2)
	u := users[0]
	top := tree(t, u)
	for name, open := range map[string]func(f *os.File) (write func(string) error, done func()){
		"descriptor": func(f *os.File) (func(string) error, func()) {
			return func(s string) error { _, err := f.WriteAt([]byte(s), 0); return err }, func() { _ = f.Close() }
		},
		"mapping": func(f *os.File) (func(string) error, func()) {
			m, err := unix.Mmap(int(f.Fd()), 0, 10, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			must(t, err)
			must(t, f.Close())
			return func(s string) error { copy(m, s); return nil }, func() { _ = unix.Munmap(m) }
		},
	} {
		script := filepath.Join(top, "deploy.sh")
		f, err := os.OpenFile(script, os.O_RDWR, 0) // whoever holds it: another process, which is not of the user
		must(t, err)
		write, done := open(f)
		must(t, asuser.Reclaim(top))
		digest, err := asuser.Digest(filepath.Dir(top), "src")
		must(t, err)
		must(t, write("echo evil\n"))
		if got := text(t, script); got != "echo good\n" {
			t.Errorf("%s: the script says %q", name, got)
		}
		if now, err := asuser.Digest(filepath.Dir(top), "src"); err != nil || now != digest {
			t.Errorf("%s: the digest changes, %v", name, err)
		}
		done()
		must(t, u.Own(top))
	}
}

// What nobody can mean is refused.
func TestReclaimRefuses(t *testing.T) {
	_, users := crew(t, 2)
	u, other := users[0], users[1]
	for name, c := range map[string]struct {
		prepare func(top string) error
		want    string
	}{
		"a file of a third user's": {func(top string) error { return os.Chown(filepath.Join(top, "main.tf"), other.UID, other.GID) }, "belongs to user"},
		"a second name of the agent's file": {func(top string) error {
			secret := filepath.Join(filepath.Dir(top), "secret")
			return errors.Join(os.WriteFile(secret, []byte("canary"), 0o600), os.Link(secret, filepath.Join(top, "secret")))
		}, "second name"},
		"what has no end": {func(top string) error { return os.Truncate(filepath.Join(top, "main.tf"), 1<<40) }, "GiB"},
		"a link":          {func(top string) error { return errors.Join(os.RemoveAll(top), os.Symlink("/etc", top)) }, "not a directory"},
	} {
		top := tree(t, u)
		must(t, c.prepare(top))
		if err := asuser.Reclaim(top); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if info, err := os.Stat("/etc"); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Fatal("/etc was given away")
	}
}
