package need_test

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/release"
	"sallyport/agent/terraform/tftest"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// pathWithoutTerraform is the PATH without the directories that have a terraform.
func pathWithoutTerraform() string {
	var path []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(dir, "terraform")); err != nil {
			path = append(path, dir)
		}
	}
	return strings.Join(path, string(filepath.ListSeparator))
}

// goTest runs go test on packages of testdata without terraform, and with a cache directory of its own.
func goTest(t *testing.T, env []string, args ...string) (output string, err error) {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	if tool, err = filepath.EvalSymlinks(tool); err != nil {
		t.Fatal(err)
	}
	settings, err := exec.Command(tool, "env", "GOCACHE", "GOMODCACHE", "CGO_ENABLED").Output()
	if err != nil {
		t.Fatal(err)
	}
	caches := strings.Fields(string(settings))
	cmd := exec.CommandContext(t.Context(), tool, append([]string{"test", "-count=1"}, args...)...)
	cmd.Env = append([]string{"PATH=" + pathWithoutTerraform(), "HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + t.TempDir(),
		"GOCACHE=" + caches[0], "GOMODCACHE=" + caches[1], "GOFLAGS=-mod=readonly", "GOPROXY=off", "CGO_ENABLED=" + caches[2]}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestTheLastOneCounts: people who run go test see one line for all packages, though it hides what passing tests print.
func TestTheLastOneCounts(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it runs go test")
	out, err := goTest(t, []string{"MEET=" + t.TempDir()}, "-p=2", "./testdata/first", "./testdata/second")
	want := "skipped tests: 4 (2 because the moon is full, 2 because there is no no-such-program); go test -v names them\n"
	if err != nil || strings.Count(out, "skipped tests:") != 1 || !strings.Contains(out, want) {
		t.Errorf("%v, want one line %swith\n%s", err, want, out)
	}
}

// TestSweptAway: who shares the cache directory and not the processes takes the records of these for left over.
func TestSweptAway(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "12", "34.skips")
	t.Setenv(need.LedgerEnv, gone)
	for _, test := range []string{"TestA", "TestB"} {
		if err := need.Record("the moon is full", test); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(gone)
	if want := "the moon is full\tTestA\nthe moon is full\tTestB\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v, want %q", text, err, want)
	}
}

func TestReasonsAreNamed(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it runs go test")
	out, err := goTest(t, nil, "-v", "./testdata/first")
	for _, want := range []string{
		"skipped: the moon is full: it is the first package's reason", "skipped: there is no no-such-program: apt-get install no-such-program",
		"skipped tests: 2 (1 because the moon is full, 1 because there is no no-such-program)",
	} {
		if err != nil || strings.Count(out, want) != 1 {
			t.Errorf("%v, want %q once in\n%s", err, want, out)
		}
	}
}

// TestWithoutTerraform: a missing proof does not look like one.
func TestWithoutTerraform(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it runs go test")
	// The place that nobody answers at stands for a machine that is offline.
	out, err := goTest(t, []string{"HTTPS_PROXY=http://127.0.0.1:1"}, "./testdata/terraform")
	want := regexp.MustCompile(`(?m)^these tests need terraform: it is not on PATH, and installing terraform \S+: .*connection refused.* \(tried: from https://releases\.hashicorp\.com into \S+\): put terraform on PATH .*$`)
	if err == nil || !want.MatchString(out) || !strings.Contains(out, "FAIL\tsallyport/agent/need/testdata/terraform") || strings.Contains(out, "--- ") {
		t.Errorf("%v, want %s in\n%s", err, want, out)
	}
}

// TestTerraformIsPutOnPath: what was downloaded stands before everything else, and other users can run it.
func TestTerraformIsPutOnPath(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "terraform")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	site := tftest.NewReleases(t, release.Proven, binary)
	cache, before := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("PATH", before)
	undo, err := need.TerraformFrom(release.Site{URL: site.URL, PublicKey: site.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("its directory: %v, %v", info, err)
	}
	if os.Geteuid() == 0 {
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("it leads into root's cache directory: %v, %v", info, err)
		}
	}
	undo()
	if _, err := os.Stat(path); err == nil || os.Getenv("PATH") != before {
		t.Errorf("it stays: PATH is %s", os.Getenv("PATH"))
	}
}

// TestEverySkipIsCounted: a test that skips by itself is missing in the line at the end.
func TestEverySkipIsCounted(t *testing.T) {
	t.Parallel()
	skips := regexp.MustCompile(`\.(Skip|Skipf|SkipNow)\(`)
	allowed := map[string]int{
		"agent/repo/repo_test.go": 1, // two servers that are one
		"store/model_test.go":     2, // a step of a model that does not apply
		"agent/need/need.go":      1, "agent/need/need_test.go": 2,
	}
	counted := regexp.MustCompile(`\bneed\.(Skip|Root|Long|LongUnlessRaced|OneGoroutine|Program)\(`)
	main := make(map[string]bool)
	using := make(map[string]string)
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(data), "need.Skip(", "need.Counted(")
		if n := len(skips.FindAllString(text, -1)); strings.HasSuffix(name, "_test.go") && n > allowed[name] {
			t.Errorf("%s skips by itself %d times, and may %d times: let package need skip", name, n, allowed[name])
		}
		dir := filepath.Dir(name)
		if strings.Contains(text, "need.Main(m") {
			main[dir] = true
		}
		if strings.HasSuffix(name, "_test.go") && counted.Match(data) {
			using[dir] = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range slices.Sorted(maps.Keys(using)) {
		if !main[dir] {
			t.Errorf("%s counts what it skips, and its TestMain is not need.Main: the count is lost", using[dir])
		}
	}
}
