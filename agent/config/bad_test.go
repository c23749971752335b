package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"sallyport/notify/golden"
	"strings"
	"testing"
)

// TestBad loads each configuration of testdata/bad, named by its defect, and compares what a person is told.
func TestBad(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.hcl")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no bad configurations: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".hcl")
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			faults := w.faults(t, w.config(t, name+".hcl", read(t, path)))
			got := w.render(t, faults)
			golden.Is(t, strings.TrimSuffix(path, ".hcl")+".golden", got)
			for _, text := range []string{got, faults.Error(), strings.Join(faults.Warnings, "\n")} {
				if strings.Contains(text, "canary-secret") {
					t.Errorf("a secret shows:\n%s", text)
				}
			}
		})
	}
}

// TestFaultsHavePlaces guards the form that editors jump to: every fault with a place is one line that starts with it.
func TestFaultsHavePlaces(t *testing.T) {
	w := newWorld(t)
	faults := w.faults(t, w.config(t, "sallyport.hcl", read(t, "testdata/bad/everything_at_once.hcl")))
	lines := strings.Split(faults.Error(), "\n")
	if len(lines) != len(faults.List()) || len(lines) < 9 {
		t.Errorf("%d lines for %d faults, want one each and at least 9", len(lines), len(faults.List()))
	}
	form := regexp.MustCompile(`^/.*/sallyport\.hcl:\d+:\d+: [A-Z]`)
	for _, line := range lines {
		if !form.MatchString(line) {
			t.Errorf("no place in front: %s", line)
		}
	}
}

func TestRenderColorAndWidth(t *testing.T) {
	w := newWorld(t)
	faults := w.faults(t, w.config(t, "sallyport.hcl", read(t, "testdata/bad/dir_escapes.hcl")))
	var b bytes.Buffer
	if err := faults.Render(&b, true, 30); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "\x1b[") {
		t.Error("no color")
	}
	if err := faults.Render(failingWriter{}, false, 0); err == nil {
		t.Error("the writer's error got lost")
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestUnreadable(t *testing.T) {
	w := newWorld(t)
	for name, path := range map[string]string{
		"missing":         filepath.Join(w.dir, "nowhere.hcl"),
		"empty directory": filepath.Join(w.dir, "credentials"),
		"device":          os.DevNull,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(path, w.opts); err == nil || !strings.HasPrefix(err.Error(), "reading configuration: ") {
				t.Errorf("got %v", err)
			}
			if _, err := LoadClient(path); err == nil || !strings.HasPrefix(err.Error(), "reading configuration: ") {
				t.Errorf("client: got %v", err)
			}
		})
	}
}

// What is wrong in one file is said beside the wrong syntax of another, and nothing is said to be missing that may stand there.
func TestSyntaxBesideOtherFiles(t *testing.T) {
	w := newWorld(t)
	w.config(t, "conf/a.hcl", "repository \"infra\" {\n  url = \"file:///srv/git/infra.git\n}\n")
	w.config(t, "conf/b.hcl", "stack \"ghe\" {\n  dir        = \"ghe\"\n  repository = \"infra\"\n  plan_ttl   = \"soon\"\n}\n")
	var said []string
	for _, f := range w.faults(t, filepath.Join(w.dir, "conf")).List() {
		said = append(said, filepath.Base(f.File)+" "+f.Summary)
	}
	text := strings.Join(said, "\n")
	if !strings.HasPrefix(text, "a.hcl Invalid multi-line string\n") || !strings.HasSuffix(text, "\nb.hcl Invalid duration") {
		t.Errorf("it says\n%s", text)
	}
	for _, guess := range []string{"Unknown", "No ", "Missing"} {
		if strings.Contains(text, guess) {
			t.Errorf("it guesses:\n%s", text)
		}
	}
}
