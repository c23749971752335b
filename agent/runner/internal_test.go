package runner

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/golden"
)

func TestResultIsTriedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "12") // not there yet: writing fails
	var paused time.Duration
	p := &process{dir: dir, log: slog.New(slog.DiscardHandler), patience: time.Minute}
	p.pause = func(d time.Duration) {
		paused += d
		if paused > 5*time.Second {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Error(err)
			}
		}
	}
	if err := p.finish(Result{Run: 12}); err != nil {
		t.Fatal(err)
	}
	if r, err := ReadResult(dir); err != nil || r.Run != 12 {
		t.Errorf("result %+v, err %v", r, err)
	}
}

func TestResultIsGivenUp(t *testing.T) {
	t.Parallel()
	var paused time.Duration
	p := &process{dir: filepath.Join(t.TempDir(), "12"), log: slog.New(slog.DiscardHandler), patience: time.Minute}
	p.pause = func(d time.Duration) { paused += d }
	if err := p.finish(Result{Run: 12}); err == nil {
		t.Fatal("no error")
	}
	if paused < time.Minute || paused > 2*time.Minute {
		t.Errorf("tried for %s", paused)
	}
}

func TestJobThatDidNotArriveWhole(t *testing.T) {
	t.Parallel()
	whole := `{"run":12,"digest":"` + strings.Repeat("0", 64) + `","terraform":"/t","dir":"/d","plan_file":"/p"}`
	if j, err := receiveJob(io.NopCloser(strings.NewReader(whole + "\n"))); err != nil || j.Run != 12 {
		t.Fatalf("job %+v, err %v", j, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "half": whole[:40], "no end mark": whole, "no JSON": "x}\n", "no run": "{}\n",
	} {
		if j, err := receiveJob(io.NopCloser(strings.NewReader(text))); err == nil {
			t.Errorf("%s: job %+v", name, j)
		}
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "apply.jsonl")
	tail := tail{path: path}
	defer tail.close()
	start := `{"@message":"a: Creating...","hook":{"resource":{"addr":"a"},"action":"create"},"type":"apply_start"}`
	for i, step := range []struct {
		add     string
		moved   bool
		current string
	}{
		{"", false, ""},
		{start[:20], false, ""},
		{start[20:], false, ""},
		{"\n", true, "a"},
		{strings.Repeat("x", maxLine+1), false, "a"},
		{"still the same long line", false, "a"},
		{"\n" + strings.ReplaceAll(start, `"a"`, `"b"`) + "\n" + start[:5], true, "b"},
	} {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(step.add); err != nil {
			t.Fatal(err)
		}
		f.Close()
		moved, err := tail.read()
		if err != nil || moved != step.moved || tail.progress.Current != step.current {
			t.Errorf("step %d: moved %t, current %q, err %v", i, moved, tail.progress.Current, err)
		}
	}
	if len(tail.partial) != 5 {
		t.Errorf("kept %d bytes", len(tail.partial))
	}
}

// The end of the output is read before the end of the apply is reported.
func TestFollowReadsToTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		claimFile: "{}", startedFile: "", resultFile: "{}",
		streamFile: `{"@message":"","outputs":{"x":{"value":"secret"}},"type":"outputs"}` + "\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	s, err := Follow(context.Background(), dir, func(p jsonlog.Progress) {
		calls++
		if len(p.Outputs) != 1 {
			t.Errorf("progress %+v", p)
		}
	})
	if err != nil || s.Phase != Finished || calls != 1 {
		t.Errorf("state %+v, %d calls, err %v", s, calls, err)
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	runs, err := filepath.Glob("testdata/log/*")
	if err != nil || len(runs) == 0 {
		t.Fatalf("no runs: %v", err)
	}
	for _, run := range runs {
		t.Run(filepath.Base(run), func(t *testing.T) {
			have, err := Log(run)
			if err != nil {
				t.Fatal(err)
			}
			golden.Is(t, filepath.Join(run, "log.golden"), have)
		})
	}
}

func TestExcerptIsBounded(t *testing.T) {
	t.Parallel()
	var x excerpt
	line := strings.Repeat("x", 99) + "\n"
	x.add("first\n")
	for range 50_000 {
		x.add(line)
	}
	x.add(strings.Repeat("y", 10<<20))
	x.add("last\n")
	have := x.String()
	if len(have) > maxLogHead+maxLogTail+100 {
		t.Errorf("%d bytes", len(have))
	}
	if !strings.HasPrefix(have, "first\n") || !strings.HasSuffix(have, "last\n") || !strings.Contains(have, "bytes were left out here") {
		t.Errorf("%q ... %q", have[:20], have[len(have)-20:])
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		job  Job
		vars string
	}{
		"apply -no-color -input=false -json -auto-approve -lock-timeout=90s /p":             {Job{LockTimeout: 90 * time.Second}, ""},
		"apply -no-color -input=false -json -auto-approve -lock=false -var-file=/v.json /p": {Job{NoLock: true}, "/v.json"},
	} {
		if have := strings.Join(arguments(c.job, "/p", c.vars), " "); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}

func TestStartTime(t *testing.T) {
	t.Parallel()
	first, err := startTime(os.Getpid())
	if err != nil || first == 0 {
		t.Fatalf("start time %d, err %v", first, err)
	}
	if id, err := self(); err != nil || id.StartTime != first || id.PID != os.Getpid() {
		t.Errorf("identity %+v, err %v", id, err)
	}
	if _, err := startTime(1 << 30); err == nil {
		t.Error("a process that is not there has a start time")
	}
}
