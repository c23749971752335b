package repo_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/repo"
)

// materialise checks a commit out, and once more from what the first time has kept inflated: that must be no different, errors included.
func materialise(tb testing.TB, ctx context.Context, r *repo.Repository, commit, dir string, o repo.MaterialiseOptions) error {
	tb.Helper()
	first := r.Materialise(ctx, commit, dir, o)
	again := filepath.Join(tb.TempDir(), "again")
	second := r.Materialise(ctx, commit, again, o)
	if errors.Is(first, fs.ErrExist) {
		return first
	}
	if fmt.Sprint(first) != fmt.Sprint(second) {
		tb.Errorf("the first checkout ended with %v, the second with %v", first, second)
	}
	if first == nil && second == nil {
		wantEqual(tb, contents(tb, again), contents(tb, dir))
	}
	return first
}

// contents are modes, and what is in files and symlinks.
func contents(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := modes(tb, dir)
	for name, mode := range found {
		switch mode[0] {
		case '-':
			found[name] += read(tb, filepath.Join(dir, name))
		case 'L':
			target, err := os.Readlink(filepath.Join(dir, name))
			must(tb, err)
			found[name] += target
		}
	}
	return found
}

// inflatedFile is where a mirror keeps what was inflated.
const inflatedFile = "sallyport-inflated"

// kept is a repository of one commit which was checked out, closed again, with what a checkout of it is.
func kept(tb testing.TB) (o repo.Options, head, file string, want map[string]string) {
	tb.Helper()
	r, g, head := fetched(tb, map[string]string{
		"main.tf": "resource", "a/run.sh*": "#!/bin/sh\n", "a/link": "-> ../main.tf", "a/b/large.bin": noise(100 << 10), "a/b/other.tf": noise(3000),
	})
	_ = r.Close()
	o = repo.Options{URL: g.Bare, Dir: filepath.Join(tb.TempDir(), "mirror.git")}
	r = open(tb, o)
	must(tb, r.Fetch(tb.Context(), head))
	want = checkedOut(tb, r, head)
	must(tb, r.Close())
	return o, head, filepath.Join(o.Dir, inflatedFile), want
}

func checkedOut(tb testing.TB, r *repo.Repository, head string) map[string]string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "checkout")
	must(tb, r.Materialise(tb.Context(), head, dir, repo.MaterialiseOptions{}))
	return contents(tb, dir)
}

// Wherever a killed agent, a full disk or a broken one leaves the file: the next checkout is right, and so is the one after it, which
// finds the file whole again.
func TestInflatedIsNeverBelieved(t *testing.T) {
	t.Parallel()
	o, head, file, want := kept(t)
	whole := read(t, file)
	if len(whole) < 100<<10 {
		t.Fatalf("only %d bytes were kept", len(whole))
	}
	cases := map[string]func() string{
		"empty": func() string { return "" },
		"zeros": func() string { return strings.Repeat("\x00", len(whole)) },
		"tail of zeros": func() string {
			return whole[:len(whole)/2] + strings.Repeat("\x00", len(whole)-len(whole)/2)
		},
		"more behind":         func() string { return whole + noise(1000) },
		"another size":        func() string { return whole[:23] + string([]byte{whole[23] ^ 1}) + whole[24:] },
		"a size beyond all":   func() string { return whole[:20] + "\xff\xff\xff\xff" + whole[24:] },
		"a large one small":   func() string { return strings.ReplaceAll(whole, "\x00\x01\x90\x00", "\x00\x00\x00\x10") },
		"twice the same":      func() string { return whole + whole },
		"names of each other": func() string { return whole[len(whole)/2:] + whole[:len(whole)/2] },
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 20 {
		cut := random.IntN(len(whole))
		cases[fmt.Sprint("cut ", n)] = func() string { return whole[:cut] }
		cases[fmt.Sprint("flipped ", n)] = func() string {
			return whole[:cut] + string([]byte{whole[cut] ^ 0x10}) + whole[cut+1:]
		}
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(file, []byte(content()), 0o600))
			r := open(t, o)
			wantEqual(t, checkedOut(t, r, head), want)
			wantEqual(t, checkedOut(t, r, head), want)
			must(t, r.Close())
		})
	}
	r := open(t, o)
	wantEqual(t, checkedOut(t, r, head), want)
	must(t, os.Truncate(file, 100)) // while it is open
	wantEqual(t, checkedOut(t, r, head), want)
	wantEqual(t, checkedOut(t, r, head), want)
}

// The file cannot be made, or is something else: a checkout goes on without it.
func TestInflatedNeedNotBe(t *testing.T) {
	t.Parallel()
	o, head, file, want := kept(t)
	for name, put := range map[string]func() error{
		"a directory": func() error { return os.Mkdir(file, 0o700) },
		"a pipe":      func() error { return syscall.Mkfifo(file, 0o600) },
		"a symlink":   func() error { return os.Symlink("HEAD", file) },
	} {
		t.Run(name, func(t *testing.T) {
			must(t, os.RemoveAll(file))
			must(t, put())
			r := open(t, o)
			wantEqual(t, checkedOut(t, r, head), want)
			must(t, r.Close())
		})
	}
	if got := read(t, filepath.Join(o.Dir, "HEAD")); !strings.HasPrefix(got, "ref: ") {
		t.Errorf("HEAD is %q", got)
	}
}

// The next commit adds only what differs, and nothing is kept twice. What is kept is really what is read: a flipped bit is met.
func TestInflatedOnce(t *testing.T) {
	t.Parallel()
	r, g, head := fetched(t, map[string]string{"a/main.tf": noise(30 << 10), "b/main.tf": noise(31 << 10), "c": noise(300 << 10)})
	dir := filepath.Dir(g.Bare)
	_ = r.Close()
	o := repo.Options{URL: g.Bare, Dir: filepath.Join(dir, "mirror.git")}
	r = open(t, o)
	must(t, r.Fetch(t.Context(), head))
	checkedOut(t, r, head)
	file := filepath.Join(o.Dir, inflatedFile)
	before := size(t, file)
	second := g.Commit("second", map[string]string{"a/main.tf": noise(29 << 10)})
	must(t, r.Fetch(t.Context(), second))
	want := checkedOut(t, r, second)
	if grown := size(t, file) - before; grown < 29<<10 || grown > 30<<10 {
		t.Errorf("a commit that changes a file of 29 KiB made it longer by %d", grown)
	}
	grown := size(t, file)
	wantEqual(t, checkedOut(t, r, second), want)
	wantEqual(t, size(t, file), grown)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("flipped"), before+1000) // in what the second commit added
	must(t, errors.Join(err, f.Close()))
	wantEqual(t, checkedOut(t, r, second), want)
	if size(t, file) >= grown {
		t.Error("a checkout did not begin anew after it met what is damaged: it reads something else")
	}
}

// What a run does to its files no other run sees: neither as the agent's user nor as another one, who cannot even open what is kept.
func TestRunsChangeOnlyTheirOwnFiles(t *testing.T) {
	t.Parallel()
	o, head, file, want := kept(t)
	r := open(t, o)
	const script = `echo evil >main.tf; echo evil >>a/run.sh; chmod 777 a/b/other.tf; rm a/link; ln -s /etc/passwd a/link; rm -r a/b; ln -s / a/b
		printf evil >>"$1" || printf evil >"$1"; chmod 666 "$1"; ln -f "$1" stolen; rm "$1"; true`
	attack := func(user *syscall.SysProcAttr) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "run")
		must(t, r.Materialise(t.Context(), head, dir, repo.MaterialiseOptions{}))
		cmd := exec.Command("/bin/sh", "-c", script, "attack", file)
		cmd.Dir, cmd.SysProcAttr = dir, user
		if user != nil {
			must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
				return errors.Join(err, os.Lchown(path, int(user.Credential.Uid), int(user.Credential.Gid)))
			}))
			cmd.Dir = ""
			cmd.Path, cmd.Args = "/bin/sh", []string{"/bin/sh", "-c", `cd "$2" || exit 9; ` + script, "attack", file, dir}
			open := t.TempDir() // whose parents others may enter
			must(t, os.Rename(dir, filepath.Join(open, "run")))
			cmd.Args[5] = filepath.Join(open, "run")
			for at := open; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
				must(t, os.Chmod(at, 0o755))
			}
			dir = cmd.Args[5]
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		wantFile(t, filepath.Join(dir, "main.tf"), "evil\n") // it had its way there
		wantEqual(t, checkedOut(t, r, head), want)
	}
	attack(nil)
	need.Root(t, "only root can be another user")
	must(t, r.Close())
	must(t, os.Chmod(filepath.Dir(o.Dir), 0o755))
	must(t, os.Chmod(o.Dir, 0o755)) // the mirror's parent keeps others out; here the file alone has to
	r = open(t, o)
	checkedOut(t, r, head)
	before := read(t, file)
	attack(&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61184, Gid: 61184}})
	wantFile(t, file, before)
}
