package demo

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/need"
	"sallyport/agent/terraform/release"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// tempDir makes the demo use a directory of the test's own, and asserts that nothing is left in it.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") // t.TempDir has names too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func left(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "sallyport-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestTranscript compares what the demo prints with the transcript that people were shown.
func TestTranscript(t *testing.T) {
	dir := tempDir(t)
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Stdout: &out, Yes: true, Version: "test"}); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
	for _, line := range strings.Split(out.String(), "\n") {
		if utf8.RuneCountInString(line) > 80 && !strings.Contains(line, dir) {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
	got := normalise(out.String(), dir)
	golden := filepath.Join("testdata", "transcript.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got) %s", diff)
	}
}

// normalise takes out what is different each time, and the body of the agent's messages, whose words are tested where
// they are made.
func normalise(text, dir string) string {
	for _, r := range []struct{ pattern, with string }{
		{regexp.QuoteMeta(dir) + `/sallyport-demo-\d+`, "DIR"},
		{`binary( +)= ".*"`, `binary$1= "TERRAFORM"`},
		{`"(i|vol|att)-[0-9a-f]{8}"`, `"$1-ID"`},
		{`complete after \d+s`, "complete after Ns"},
		{`cli:\w+`, "cli:USER"},
		{`  commit  [0-9a-f]{40}`, "  commit  COMMIT"},
		{`  plan    [0-9a-f]{64}`, "  plan    DIGEST"},
		{`the plan [0-9a-f]{10} only`, "the plan DIGEST only"},
		{`(?m)^(  │ DEMO .*\n)(  │   .*\n)+`, "$1  │   ...\n"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	// Terraform makes the node and the volume at the same time.
	lines := strings.Split(text, "\n")
	for i := 1; i < len(lines); i++ {
		if strings.Contains(lines[i-1], "ghe_vol: Creation") && strings.Contains(lines[i], "ghe_node: Creation") {
			lines[i-1], lines[i] = lines[i], lines[i-1]
		}
	}
	return strings.Join(lines, "\n")
}

// perform tells the story with the given answers and returns the runs that the agent then knows, oldest first, and
// what was printed.
func perform(t *testing.T, ctx context.Context, o Options) (runs []control.Run, printed string, err error) {
	t.Helper()
	tempDir(t)
	var out bytes.Buffer
	o.Stdout = &out
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	tool, err := findTool(ctx, release.Site{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStage(tool, o.Executable)
	if err != nil {
		t.Fatal(err)
	}
	a, err := startAgent(ctx, o, s)
	if err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(s.config.Socket)
	defer client.Close()
	story := &story{screen: &screen{w: &out}, stage: s, agent: a, client: client, answers: newAnswers(o)}
	err = story.tell(a.ctx)
	runs, readErr := client.Runs(t.Context(), control.RunsQuery{})
	if readErr != nil {
		t.Fatal(readErr)
	}
	slices.Reverse(runs)
	if stopErr := errors.Join(a.stop(), s.remove()); stopErr != nil {
		t.Error(stopErr)
	}
	return runs, out.String(), err
}

// outcome is what matters of a run here.
type outcome struct {
	Kind                 store.Kind
	Status               store.Status
	Add, Change, Destroy int
	Words                string
}

func outcomes(runs []control.Run) []outcome {
	var all []outcome
	for _, r := range runs {
		o := outcome{Kind: r.Kind, Status: r.Status}
		if r.Plan != nil {
			o.Add, o.Change, o.Destroy = r.Plan.Add, r.Plan.Change, r.Plan.Destroy
		}
		for _, d := range r.Decisions {
			o.Words += d.Text
		}
		all = append(all, o)
	}
	return all
}

func TestStory(t *testing.T) {
	need.LongUnlessRaced(t, "it tells the story four times; TestTranscript tells it once")
	first := outcome{store.KindCommit, store.Applied, 3, 0, 0, "approve"}
	second := outcome{store.KindCommit, store.Applied, 0, 1, 0, "approve"}
	recovered := outcome{store.KindManual, store.Applied, 2, 0, 0, "approve"}
	empty := outcome{Kind: store.KindManual, Status: store.NoChanges}
	for _, c := range []struct {
		name    string
		yes     bool
		answers string
		want    []outcome
		err     error
		prints  []string
	}{
		{name: "answers by itself", yes: true, want: []outcome{first, second, recovered, empty}},
		{
			name: "a person who mistypes", answers: "yes\napprove\nAPPROVE.\napprove\n",
			want:   []outcome{first, {store.KindCommit, store.Applied, 0, 1, 0, "APPROVE."}, recovered, empty},
			prints: []string{"> yes\nThat does not count: ", "What you saw"},
		},
		{
			name: "denied, planned again, denied for good", answers: "approve\ndeny not tonight\nplan\ndeny\n\n",
			want: []outcome{
				first, {store.KindCommit, store.Discarded, 0, 1, 0, "deny not tonight"}, {store.KindManual, store.Discarded, 0, 1, 0, "deny"},
			},
			err: errLeft, prints: []string{"Nothing was touched."},
		},
		{
			name: "nobody there", answers: "", want: []outcome{{Kind: store.KindCommit, Status: store.Planned, Add: 3}},
			err: errLeft, prints: []string{"With --yes the demo answers by itself."},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs, printed, err := perform(t, t.Context(), Options{Yes: c.yes, Stdin: strings.NewReader(c.answers)})
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v\n%s", err, c.err, printed)
			}
			if diff := cmp.Diff(c.want, outcomes(runs)); diff != "" {
				t.Errorf("(-want +got) %s\n%s", diff, printed)
			}
			for _, text := range c.prints {
				if !strings.Contains(printed, text) {
					t.Errorf("does not print %q:\n%s", text, printed)
				}
			}
		})
	}
}

// watcher cancels when a text is printed.
type watcher struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	then func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if w.then != nil && strings.Contains(w.buf.String(), w.text) {
		w.then()
		w.then = nil
	}
	return len(p), nil
}

// TestInterrupt presses Ctrl-C at several places; neither files nor waiting may be left.
func TestInterrupt(t *testing.T) {
	for name, at := range map[string]string{
		"before the first plan":   "The agent runs on it",
		"at the prompt":           "Your decision",
		"while terraform applies": "#1 ghe is approved",
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			in, feed := io.Pipe()
			defer feed.Close()
			if name == "while terraform applies" {
				go func() { _, _ = io.WriteString(feed, "approve\n") }()
			}
			out := &watcher{text: at, then: cancel}
			err := Run(ctx, Options{Stdin: in, Stdout: out})
			if !errors.Is(err, ErrInterrupted) {
				t.Errorf("error %v\n%s", err, out.buf.String())
			}
			if names := left(t, dir); len(names) > 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

// TestFailureKeeps loses the repository on the way: the directory stays, and is named.
func TestFailureKeeps(t *testing.T) {
	dir := tempDir(t)
	out := &watcher{text: "2. A change"}
	out.then = func() {
		if err := os.RemoveAll(filepath.Join(left(t, dir)[0], "infra")); err != nil {
			t.Error(err)
		}
	}
	err := Run(t.Context(), Options{Yes: true, Stdout: out})
	if err == nil {
		t.Fatal("no error")
	}
	names := left(t, dir)
	if len(names) != 1 || !strings.Contains(out.buf.String(), filepath.Join(names[0], "agent.log")) {
		t.Errorf("the directory %v is not kept and named:\n%s", names, out.buf.String())
	}
}

// bin is a directory with programs of these names, which say that they are of this version or, if that is empty, are the
// real terraform.
func bin(t *testing.T, version string, names ...string) string {
	t.Helper()
	script := "#!/bin/sh\necho '{\"terraform_version\":\"" + version + "\"}'\n"
	if version == "" {
		script = "#!/bin/sh\nexec " + tftest.Terraform(t) + " \"$@\"\n"
	}
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWhichTool: terraform before tofu, tofu before a download, and a download once.
func TestWhichTool(t *testing.T) {
	real := filepath.Join(bin(t, "", "terraform"), "terraform")
	both, tofu, old, none := bin(t, "1.9.0", "terraform", "tofu"), bin(t, "1.9.0", "tofu"), bin(t, "1.3.9", "terraform"), t.TempDir()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	kept := filepath.Join(home, ".cache", "sallyport", "terraform", release.Proven, "terraform")
	var said bytes.Buffer
	site := tftest.NewReleases(t, release.Proven, real)
	from := release.Site{URL: site.URL, PublicKey: site.PublicKey, Progress: &said}
	for _, c := range []struct{ name, path, want string }{
		{"both", both, filepath.Join(both, "terraform")},
		{"an old terraform, and tofu", old + ":" + tofu, filepath.Join(tofu, "tofu")},
		{"an old terraform", old, kept},
		{"nothing", none, kept},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			tool, err := findTool(t.Context(), from)
			if err != nil || tool.Path != c.want {
				t.Fatalf("it is %s, %v, not %s", tool.Path, err, c.want)
			}
			s, err := newStage(tool, "sallyport")
			if err != nil {
				t.Fatal(err)
			}
			if named := strings.Contains(s.text, `= "tofu"`); named != (filepath.Base(c.want) == "tofu") {
				t.Errorf("the configuration is\n%s", s.text)
			}
			if err := s.remove(); err != nil {
				t.Error(err)
			}
		})
	}
	if n := strings.Count(said.String(), "downloading terraform "+release.Proven+" from "+site.URL); n != 1 || site.Downloads.Load() != 1 {
		t.Errorf("said %q after %d downloads", said.String(), site.Downloads.Load())
	}
}

func TestNoTerraform(t *testing.T) {
	site := tftest.NewReleases(t, release.Proven, tftest.Terraform(t))
	site.Close()
	for name, c := range map[string]struct{ path, says string }{
		"missing": {t.TempDir(), "finding terraform: "},
		"too old": {bin(t, "1.3.9", "terraform"), "/terraform is 1.3.9; "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			t.Setenv("HOME", t.TempDir())
			t.Setenv("XDG_CACHE_HOME", "")
			t.Setenv("PATH", c.path)
			err := Run(t.Context(), Options{Yes: true, Stdout: io.Discard, releases: release.Site{URL: site.URL}})
			if err == nil || !strings.Contains(hint.Of(err), "terraform/install") {
				t.Fatalf("error %v, hint %q", err, hint.Of(err))
			}
			for _, tried := range []string{c.says, "finding tofu: ", "connection refused", "tried: from " + site.URL} {
				if !strings.Contains(err.Error(), tried) || strings.Contains(err.Error(), "\n") {
					t.Errorf("not one line with %q: %v", tried, err)
				}
			}
			if names := left(t, dir); len(names) > 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}

func TestColor(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, color: true}
	s.quote("Plan: 1 to add\n\n  + resource \"a\" \"b\" {\n-/+ resource\n    id = 1\n", inPlan)
	want := "\n\x1b[2m  │\x1b[0m \x1b[1mPlan: 1 to add\x1b[0m\n\x1b[2m  │\x1b[0m\n" +
		"\x1b[2m  │\x1b[0m \x1b[32m  + resource \"a\" \"b\" {\x1b[0m\n\x1b[2m  │\x1b[0m \x1b[31m-/+ resource\x1b[0m\n" +
		"\x1b[2m  │\x1b[0m     id = 1\n\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
