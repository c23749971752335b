package demo

import (
	"bytes"
	"context"
	"errors"
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
	"sallyport/agent/need"
	"sallyport/notify/golden"
	"sallyport/store"
)

// tempDir is a directory for a demo. Those of the testing package have names too long for a socket.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// left are the demos' directories in a directory.
func left(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "sallyport-demo-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// perform tells the story and returns the runs that the agent then knows, oldest first, and what was printed. Nothing may be left.
func perform(t *testing.T, o Options) (runs []control.Run, printed string, err error) {
	t.Helper()
	var out bytes.Buffer
	o.Stdout, o.tempDir = &out, tempDir(t)
	o.Ended = func(all []control.Run) error {
		slices.Reverse(all)
		runs = all
		return nil
	}
	err = Run(t.Context(), o)
	if names := left(t, o.tempDir); len(names) > 0 {
		log, _ := os.ReadFile(filepath.Join(names[0], "agent.log"))
		t.Errorf("left behind: %v, with the log\n%s", names, log)
	}
	return runs, strings.ReplaceAll(out.String(), o.tempDir, "TMP"), err
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

// The runs of the story when nobody strays from it. What is gone is created, and one plain approve does it.
var (
	first     = outcome{store.KindCommit, store.Applied, 3, 0, 0, "approve"}
	recovered = outcome{store.KindManual, store.Applied, 2, 0, 0, "approve"}
	bigger    = outcome{store.KindCommit, store.Applied, 0, 1, 0, "approve"}
	cut       = outcome{store.KindCommit, store.Interrupted, 0, 1, 0, "approve"}
	checked   = outcome{Kind: store.KindRecovery, Status: store.NoChanges, Words: "approve"}
	encrypted = outcome{store.KindCommit, store.Discarded, 2, 0, 2, "deny not without a copy"}
	grown     = outcome{Kind: store.KindPullRequest, Status: store.Previewed, Change: 1}
)

// TestTranscript tells the whole story and compares what it prints with the transcript that people were shown, and with the README.
func TestTranscript(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plays the whole demo, whose agents are processes of their own, into which the race detector cannot look")
	runs, printed, err := perform(t, Options{Yes: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if diff := cmp.Diff([]outcome{first, recovered, bigger, cut, checked, encrypted, grown}, outcomes(runs)); diff != "" {
		t.Errorf("the runs (-want +got) %s", diff)
	}
	if t.Failed() {
		t.Log(printed)
	}
	lines := 0
	for line := range strings.SplitSeq(printed, "\n") {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
		if lines++; heading.MatchString(line) || line == "What you saw" {
			lines = 1
		}
		if lines == screenful+1 {
			t.Errorf("more than a screen, which begins to flow over at: %s", line)
		}
	}
	golden.Is(t, filepath.Join("testdata", "transcript.golden"), shortened(normalise(printed)))
	readme(t, printed)
}

// screenful is how many lines are one screen, with some room for paths that are longer elsewhere. The longest scene has 44; a slow machine
// wraps two more, which say how long its applies took.
const screenful = 46

var heading = regexp.MustCompile(`^\d\. .* ─+$`)

// readme compares what the README shows of the demo with what it prints, word by word but for times and hashes.
func readme(t *testing.T, printed string) {
	t.Helper()
	const file, begin, end = "../../README.md", "```\n5. ", "```\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	shown, after, closed := strings.Cut(rest, end)
	_, scene, told := strings.Cut(printed, "\n5. ")
	scene, _, next := strings.Cut(scene, "\n\n6. ")
	if !found || !closed || !told || !next {
		t.Fatal("there is no scene 5 in the README or in the demo")
	}
	scene += "\n"
	diff := cmp.Diff(normalise(shown), normalise(scene))
	if diff != "" && golden.Updating() {
		if err := os.WriteFile(file, []byte(before+begin+scene+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff != "" {
		t.Errorf("the README shows another demo, which -update puts right (-README +demo) %s", diff)
	}
}

// normalise takes out what is different each time.
func normalise(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`TMP/sallyport-demo-\d+`, "DIR"},
		{`complete after \d+s`, "complete after Ns"},
		{`kill -9 \d+`, "kill -9 PID"},
		{`\b[0-9a-f]{10}\b`, "HASH"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d UTC`, "TIME"},
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

// shortened leaves out what the agent says, whose words are tested where they are made; terraform's stay.
func shortened(text string) string {
	return regexp.MustCompile(`(?m)(^  │.*\n)+`).ReplaceAllStringFunc(text, func(said string) string {
		if strings.Contains(said, "Apply complete!") {
			return said
		}
		return "  │ ...\n"
	})
}

// TestStrayed is what people do who do not follow the story, and which scenes find the stack as they need it all the same.
func TestStrayed(t *testing.T) {
	t.Parallel()
	need.Long(t, "it tells parts of the story five times; TestTranscript tells it once")
	for _, c := range []struct {
		name    string
		scenes  []int
		paced   bool
		answers string
		want    []outcome
		prints  []string
	}{
		{
			name: "the volume is named", scenes: []int{5, 6}, answers: "so\nlgtm\napprove\napprove destroy 1\n",
			want:   []outcome{first, {store.KindCommit, store.Applied, 2, 0, 2, "approve destroy 1"}, grown},
			prints: []string{"> so\nNobody answers: ", "> lgtm\nSallyport, to Kim alone:", "the new volume is empty"},
		},
		{
			name: "denied, planned again, denied for good", scenes: []int{1, 6}, answers: "deny not tonight\nplan\ndeny\n\n",
			want: []outcome{
				{store.KindCommit, store.Discarded, 3, 0, 0, "deny not tonight"}, {store.KindManual, store.Discarded, 3, 0, 0, "deny"},
				{store.KindManual, store.Applied, 3, 0, 0, "approve"}, grown,
			},
			prints: []string{"Nothing was touched."},
		},
		{
			name: "skipped", scenes: []int{2, 4, 6}, answers: "\n\n",
			want: []outcome{
				first, {store.KindManual, store.Discarded, 2, 0, 0, "deny"}, {store.KindManual, store.Applied, 2, 0, 0, "approve"},
				cut, {Kind: store.KindRecovery, Status: store.Discarded, Words: "deny"}, grown,
			},
		},
		{
			name: "a key for each scene", scenes: []int{1, 2, 5}, paced: true, answers: "s\n\n\nq\n",
			want:   []outcome{first, {store.KindManual, store.Planned, 2, 0, 0, ""}},
			prints: []string{"Enter: 1. ", "Enter: 2. ", "or Enter to skip the scene)> ", "Enter: 5. ", "The demo ends here"},
		},
		{
			name: "nobody there", scenes: []int{1}, answers: "", want: []outcome{first},
			prints: []string{"approve   (nobody is there, so the demo answers)"},
		},
		{
			name: "somebody who leaves", scenes: []int{1}, answers: "what?\n", want: []outcome{{Kind: store.KindCommit, Status: store.Planned, Add: 3}},
			prints: []string{"With --yes the demo answers by itself."},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runs, printed, err := perform(t, Options{Stdin: strings.NewReader(c.answers), Scenes: c.scenes, paced: c.paced})
			if err != nil {
				t.Errorf("error %v\n%s", err, printed)
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

func TestNoSuchScene(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{Yes: true, Stdout: io.Discard, Scenes: []int{2, len(Titles()) + 1}})
	var refused *control.Error
	if !errors.As(err, &refused) || refused.Kind != control.Usage {
		t.Errorf("error %v", err)
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
	t.Parallel()
	for name, at := range map[string]string{
		"before the first plan": "The agent polls git",
		"at the prompt":         "Kim, in the thread",
		"while terraform applies and there is no agent": "$ kill -9",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			in, feed := io.Pipe()
			defer feed.Close()
			o := Options{Stdin: in, tempDir: dir}
			if strings.Contains(at, "kill") {
				o.Yes, o.Scenes = true, []int{3}
			}
			out := &watcher{text: at, then: cancel}
			o.Stdout = out
			err := Run(ctx, o)
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
	t.Parallel()
	need.Long(t, "it plays the demo as far as its fifth scene")
	dir := tempDir(t)
	out := &watcher{text: "5. A volume"}
	out.then = func() {
		if err := os.RemoveAll(filepath.Join(left(t, dir)[0], "infra")); err != nil {
			t.Error(err)
		}
	}
	err := Run(t.Context(), Options{Yes: true, Stdout: out, Scenes: []int{1, 5}, tempDir: dir})
	if err == nil {
		t.Fatal("no error")
	}
	names := left(t, dir)
	if len(names) != 1 || !strings.Contains(out.buf.String(), filepath.Join(names[0], "agent.log")) {
		t.Errorf("the directory %v is not kept and named:\n%s", names, out.buf.String())
	}
}

func TestColor(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, color: true}
	s.quote("Plan: 1 to add\n\n  + resource \"a\" \"b\" {\n-/+ resource\n    id = 1\n", inPlan)
	want := "\x1b[2m  │\x1b[0m \x1b[1mPlan: 1 to add\x1b[0m\n\x1b[2m  │\x1b[0m\n" +
		"\x1b[2m  │\x1b[0m \x1b[32m  + resource \"a\" \"b\" {\x1b[0m\n\x1b[2m  │\x1b[0m \x1b[31m-/+ resource\x1b[0m\n" +
		"\x1b[2m  │\x1b[0m     id = 1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
