package hook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine/hook"
	"sallyport/agent/patience"
	"sallyport/notify/redact"
	"sallyport/store"
)

const secret = "correct-horse-battery"

// speak runs lines of shell as the hooks of one kind, the first that of the whole configuration, and returns what they said.
func speak(t *testing.T, ctx context.Context, timeout time.Duration, name string, scripts ...string) ([]store.HookNote, error) {
	t.Helper()
	blocks := make([]*config.Hooks, 2)
	for i, script := range scripts {
		words := []string{"/bin/sh", "-c", script}
		blocks[i] = &config.Hooks{Timeout: timeout, Env: map[string]redact.Secret{"KEY": redact.NewSecret(secret)}}
		*map[string]*[]string{
			hook.BeforePlan: &blocks[i].BeforePlan, hook.AfterPlan: &blocks[i].AfterPlan,
			hook.BeforeApply: &blocks[i].BeforeApply, hook.AfterApply: &blocks[i].AfterApply,
		}[name] = words
	}
	cfg := &config.Config{DataDir: t.TempDir(), Hooks: blocks[0]}
	if err := os.MkdirAll(datadir.Run(cfg.DataDir, 1), 0o700); err != nil {
		t.Fatal(err)
	}
	r := hook.New(hook.Options{Redact: redact.New(redact.NewSecret(secret)).Text, Log: slog.New(slog.DiscardHandler)})
	return r.Hook(ctx, &active.Config{Cfg: cfg}, &config.Stack{Hooks: blocks[1]}, &store.Run{ID: 1, Stack: "box"}, name)
}

func note(text string, facts ...string) store.HookNote {
	n := store.HookNote{Hook: hook.AfterPlan, Command: "sh", Text: text}
	for _, f := range facts {
		name, value, _ := strings.Cut(f, "=")
		n.Facts = append(n.Facts, store.HookFact{Name: name, Value: value})
	}
	return n
}

func warning(text string, facts ...string) store.HookNote {
	n := note(text, facts...)
	n.Warns = true
	return n
}

func TestWhatHooksSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		want   []store.HookNote
		failed string // a part of the error
	}{
		"nothing":                  {"true", nil, ""},
		"blank lines":              {"printf '\\n \\n\\n'", nil, ""},
		"a note":                   {"echo two are fine; echo; echo; echo three are not", []store.HookNote{note("two are fine\n\nthree are not")}, ""},
		"on both channels":         {"echo out; echo err >&2", []store.HookNote{note("out\nerr")}, ""},
		"a fact":                   {"echo 'sallyport: snapshot=snap-1'", []store.HookNote{note("", "snapshot=snap-1")}, ""},
		"a fact without line end":  {"printf 'sallyport: snapshot=snap-1'", []store.HookNote{note("", "snapshot=snap-1")}, ""},
		"a fact among words":       {"echo begin; echo 'sallyport: a.b-c_D=1 2=3'; echo end", []store.HookNote{note("begin\nend", "a.b-c_D=1 2=3")}, ""},
		"the same fact twice":      {"echo 'sallyport: a=1'; echo 'sallyport: b=2'; echo 'sallyport: a=3'", []store.HookNote{note("", "a=3", "b=2")}, ""},
		"a fact that is quoted":    {"echo ' sallyport: a=1'; printf 'x\\rsallyport: b=1\\n'; printf '\\033[0msallyport: c=1\\n'", []store.HookNote{note(" sallyport: a=1\nxsallyport: b=1\nsallyport: c=1")}, ""},
		"no facts":                 {"echo 'sallyport: a b=1'; echo 'sallyport: =1'; echo 'sallyport: c='; echo 'sallyport: d'", []store.HookNote{note("sallyport: a b=1\nsallyport: =1\nsallyport: c=\nsallyport: d")}, ""},
		"a secret":                 {"echo key $KEY; echo \"sallyport: key=$KEY\"", []store.HookNote{note("key (redacted)", "key=(redacted)")}, ""},
		"control characters":       {"printf 'a\\033[31mred\\033]0;title\\007\\342\\200\\256b\\n'; printf 'sallyport: a=\\033[31mred\\n'", []store.HookNote{note("aredb", "a=red")}, ""},
		"a warning":                {"echo an open port; echo 'sallyport: ports=1'; exit 2", []store.HookNote{warning("an open port", "ports=1")}, ""},
		"a warning without a word": {"exit 2", []store.HookNote{warning("")}, ""},
		"refused":                  {"echo no; exit 1", nil, "the after_plan hook /bin/sh failed: exit status 1: no"},
		"refused, with a fact":     {"echo 'sallyport: a=1'; exit 3", []store.HookNote{note("", "a=1")}, "exit status 3: sallyport: a=1"},
		"killed":                   {"kill -9 $$", nil, "signal: killed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, err := speak(t, t.Context(), patience.Limit(), hook.AfterPlan, c.script)
			if diff := cmp.Diff(c.want, said); diff != "" {
				t.Error(diff)
			}
			var failed *hook.Error
			switch {
			case c.failed == "" && err != nil, c.failed != "" && (!errors.As(err, &failed) || !strings.Contains(err.Error(), c.failed)):
				t.Errorf("%v, want %q", err, c.failed)
			case failed != nil && cmp.Diff(said, failed.Said) != "":
				t.Errorf("the error says %+v", failed.Said)
			}
		})
	}
}

// Exit code 2 warns only where people are still to decide. Everywhere else it refuses as any other does.
func TestOnlyAfterPlanWarns(t *testing.T) {
	t.Parallel()
	for _, name := range []string{hook.BeforePlan, hook.BeforeApply, hook.AfterApply} {
		said, err := speak(t, t.Context(), patience.Limit(), name, "echo careful; exit 2")
		var failed *hook.Error
		if !errors.As(err, &failed) || !strings.Contains(err.Error(), "exit status 2: careful") || len(said) != 0 {
			t.Errorf("%s: %+v, %v", name, said, err)
		}
	}
}

// A hook whose time was over, or that somebody ended, has not checked anything, whatever it says of itself then. What it has
// made until then is still told.
func TestHookThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	pipe := t.TempDir() + "/said"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	script := `trap 'exit 2' TERM; echo all is well; echo 'sallyport: snapshot=snap-1'; mkfifo p; `
	said, err := speak(t, t.Context(), time.Second, hook.AfterPlan, script+": <p")
	var failed *hook.Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "it did not end in time (1s)") || len(store.HookWarnings(said)) > 0 || len(said) > 0 && said[0].Text != "" {
		t.Errorf("out of time: %+v, %v", said, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = os.ReadFile(pipe) // it has said everything
		cancel()
	}()
	said, err = speak(t, ctx, patience.Limit(), hook.AfterPlan, script+": >"+pipe+"; : <p")
	if diff := cmp.Diff([]store.HookNote{note("", "snapshot=snap-1")}, said); diff != "" || !errors.Is(err, context.Canceled) || errors.As(err, &failed) {
		t.Errorf("ended: %v %s", err, diff)
	}
}

// The hooks of the whole configuration and of the stack are heard one after the other; one that warns stops nobody, one that
// refuses does.
func TestTwoHooks(t *testing.T) {
	t.Parallel()
	said, err := speak(t, t.Context(), patience.Limit(), hook.AfterPlan, "echo first; exit 2", "echo second")
	if diff := cmp.Diff([]store.HookNote{warning("first"), note("second")}, said); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	said, err = speak(t, t.Context(), patience.Limit(), hook.AfterPlan, "echo first; exit 2", "echo second; exit 1")
	if diff := cmp.Diff([]store.HookNote{warning("first")}, said); diff != "" || err == nil {
		t.Errorf("%v %s", err, diff)
	}
	said, err = speak(t, t.Context(), patience.Limit(), hook.AfterPlan, "exit 1", ": > here")
	if len(said) != 0 || err == nil || strings.Contains(err.Error(), "second") {
		t.Errorf("%+v, %v", said, err)
	}
}

// However much a hook prints, what is kept is bounded, ends with its end, and no fact is lost in it.
func TestHookThatTalks(t *testing.T) {
	t.Parallel()
	said, err := speak(t, t.Context(), patience.Limit(), hook.AfterPlan,
		`echo 'sallyport: first=1'; seq 100000 300000; printf 'sallyport: long='; head -c 100000 /dev/zero | tr '\0' x; echo; i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "sallyport: f$i=$KEY $(printf '%0300d' $i)"; done; echo the end`)
	if err != nil || len(said) != 1 {
		t.Fatal(err, said)
	}
	n := said[0]
	if len(n.Facts) != 20 || n.Facts[0] != (store.HookFact{Name: "first", Value: "1"}) || n.Facts[1].Name != "f1" {
		t.Errorf("%d facts: %+v", len(n.Facts), n.Facts)
	}
	for _, f := range n.Facts {
		if utf8.RuneCountInString(f.Value) > 200 || strings.Contains(f.Value, secret) {
			t.Errorf("%q", f.Value)
		}
	}
	if len(n.Text) > 2200 || !strings.HasSuffix(n.Text, "the end\n11 more facts were left out") || strings.Contains(n.Text, "horse") {
		t.Errorf("%d bytes: %s", len(n.Text), n.Text)
	}
	said, err = speak(t, t.Context(), patience.Limit(), hook.AfterPlan, "seq 1 500")
	if err != nil || !strings.HasPrefix(said[0].Text, "(the beginning is left out: 460 lines)\n461\n") || !strings.HasSuffix(said[0].Text, "\n500") {
		t.Errorf("%v %+v", err, said)
	}
}

// A hook is called by its program, and by the script that a shell runs.
func TestNameOfAHook(t *testing.T) {
	t.Parallel()
	script := t.TempDir() + "/check policy.sh"
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho yes\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for want, words := range map[string][]string{"check policy.sh": {script}, "sh check policy.sh": {"/bin/sh", script, "/etc/x"}} {
		cfg := &config.Config{DataDir: t.TempDir(), Hooks: &config.Hooks{AfterPlan: words, Timeout: patience.Limit()}}
		if err := os.MkdirAll(datadir.Run(cfg.DataDir, 1), 0o700); err != nil {
			t.Fatal(err)
		}
		r := hook.New(hook.Options{Redact: redact.New().Text, Log: slog.New(slog.DiscardHandler)})
		said, err := r.Hook(t.Context(), &active.Config{Cfg: cfg}, nil, &store.Run{ID: 1}, hook.AfterPlan)
		if err != nil || fmt.Sprint(len(said)) != "1" || said[0].Command != want {
			t.Errorf("%+v, %v, want %q", said, err, want)
		}
	}
}
