package configs_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sallyport/agent/need"
	"slices"
	"testing"
	"time"
)

// What a release packs and compiles does not depend on the directory, the time and the umask with which it was made. The whole of
// it, twice, is .ci/release --twice: it takes minutes and the network.
func TestReleaseTwice(t *testing.T) {
	t.Parallel()
	need.Program(t, "bash")
	root := t.TempDir()
	script, err := filepath.Abs("../.ci/release")
	must(t, err)
	_, err = os.ReadFile(script) // so that the cache of go test knows that its result depends on it
	must(t, err)
	release := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{script}, args...)...)
		cmd.Dir = args[len(args)-1]
		if args[0] == "pack" {
			cmd.Dir = root
		}
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "GOFLAGS=-buildvcs=auto", "GOWORK=off") // not what somebody has set with go env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	made := map[string][][]byte{}
	for i, dir := range []string{"here", "elsewhere/deep"} {
		at := filepath.Join(root, dir)
		tree := filepath.Join(at, "sallyport_1.2.3")
		must(t, os.MkdirAll(filepath.Join(tree, "configs"), 0o755))
		names := []string{"a", "b", "configs/c"}
		if i == 1 {
			slices.Reverse(names)
		}
		for _, name := range names {
			file := filepath.Join(tree, name)
			must(t, os.WriteFile(file, []byte(name), 0o644))
			must(t, os.Chmod(file, []os.FileMode{0o644, 0o600}[i]))
			must(t, os.Chtimes(file, time.Time{}, time.Unix(int64(1_600_000_000+i*1000), 0)))
		}
		must(t, os.Chmod(tree, []os.FileMode{0o755, 0o700}[i]))
		must(t, os.WriteFile(filepath.Join(at, "go.mod"), []byte("module reproduced\n"), 0o600))
		must(t, os.WriteFile(filepath.Join(at, "main.go"), []byte("package main\n\nvar version string\n\nfunc main() { println(version) }\n"), 0o600))
		release("pack", tree, filepath.Join(at, "packed"))
		release("compile", "1.2.3", runtime.GOARCH, filepath.Join(at, "compiled"), at)
		for _, name := range []string{"packed", "compiled"} {
			data, err := os.ReadFile(filepath.Join(at, name))
			must(t, err)
			made[name] = append(made[name], data)
		}
	}
	for name, both := range made {
		if len(both[0]) == 0 || !bytes.Equal(both[0], both[1]) {
			t.Errorf("what is %s is not the same the second time: %d and %d bytes", name, len(both[0]), len(both[1]))
		}
	}
}
