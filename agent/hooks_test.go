package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// hook is one line of a hooks block that runs a line of shell.
func hook(name, script string) string {
	return fmt.Sprintf("  %s = [\"/bin/sh\", \"-c\", %q]\n", name, script)
}

func TestHooksSeeTheRun(t *testing.T) {
	t.Parallel()
	seen := t.TempDir()
	look := fmt.Sprintf(`cat > %[1]s/$SALLYPORT_HOOK.json; env > %[1]s/$SALLYPORT_HOOK.env; pwd > %[1]s/$SALLYPORT_HOOK.dir; `, seen)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "hooks {\n"+hook("before_plan", look+"test -f $SALLYPORT_DIR/main.tf")+
		hook("after_plan", look+`cp $SALLYPORT_PLAN_JSON `+seen+`/plan.json; stat -c %a $SALLYPORT_PLAN_JSON > `+seen+`/mode; echo $SALLYPORT_PLAN_JSON > `+seen+`/path`)+
		hook("before_apply", look)+hook("after_apply", look)+"  env = { COLOUR = \"blue\" }\n}\n")+
		"hooks {\n"+hook("before_plan", "echo house >> "+seen+"/order")+"}\n").start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	h.waitFor(filepath.Join(seen, "after_apply.dir"))
	for name, want := range map[string]string{"before_plan": "planning", "after_plan": "planning", "before_apply": "approved", "after_apply": "applied"} {
		var run control.Run
		if err := json.Unmarshal([]byte(readAll(t, seen, name+".json")), &run); err != nil {
			t.Errorf("%s got no run: %v", name, err)
		}
		if run.ID != 1 || run.Stack != "box" || string(run.Status) != want || (run.Plan == nil) != (name == "before_plan") {
			t.Errorf("%s saw %+v", name, run)
		}
		if dir := readAll(t, seen, name+".dir"); dir != filepath.Join(h.Dir, "data", "runs", "1") {
			t.Errorf("%s ran in %s", name, dir)
		}
		var names []string
		for line := range strings.Lines(readAll(t, seen, name+".env")) {
			key, _, _ := strings.Cut(line, "=")
			if !strings.HasPrefix(key, "SALLYPORT_") && !slices.Contains([]string{"PATH", "HOME", "COLOUR", "PWD", "SHLVL", "_", "OLDPWD"}, key) {
				names = append(names, key)
			}
		}
		if len(names) > 0 {
			t.Errorf("%s got %v from the agent's environment", name, names)
		}
	}
	if plan := readAll(t, seen, "plan.json"); !strings.Contains(plan, `"resource_changes"`) || !json.Valid([]byte(plan)) {
		t.Errorf("no plan: %.200s", plan)
	}
	if mode := readAll(t, seen, "mode"); mode != "600" {
		t.Errorf("the plan's JSON has mode %s", mode)
	}
	if _, err := os.Stat(readAll(t, seen, "path")); !os.IsNotExist(err) {
		t.Errorf("the plan's JSON is still there: %v", err)
	}
	if order := readAll(t, seen, "order"); order != "house" {
		t.Errorf("the house's own hook: %q", order)
	}
}

func readAll(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestFailingHookStopsTheRun(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"before_plan", "after_plan", "before_apply"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := workspace(t)
			r := newRepository(t)
			r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte("hush-hush-hush"), 0o600); err != nil {
				t.Fatal(err)
			}
			// More than is shown, a secret, and what a terminal would obey.
			script := `echo 'sallyport: volume=vol-1'; seq 1 5000; printf 'the volume is too \033[31mlarge\n'; echo key $KEY; exit 3`
			h := newHouse(t, box(r, "hooks {\n"+hook(name, script)+"  env = { KEY = file(\""+secret+"\") }\n}\n")+asking(s)).start()
			if name == "before_apply" {
				said(t, s, "", "1 to create")
				h.MustDecide("1", "approve")
			}
			run := h.Reaches("1", store.Errored)
			for _, part := range []string{"the " + name + " hook /bin/sh failed: exit status 3", "the volume is too", "key (redacted)"} {
				if !strings.Contains(run.Error, part) {
					t.Errorf("%q is not in %q", part, run.Error)
				}
			}
			if strings.Contains(run.Error, "hush") || strings.Contains(run.Error, "\x1b") || len(run.Error) > 2500 || strings.Contains(run.Error, "\n1\n") {
				t.Errorf("it says %d bytes: %q", len(run.Error), run.Error)
			}
			if run.Facts["volume"] != "vol-1" { // what a hook made until then is there
				t.Errorf("facts %v", run.Facts)
			}
			if run.Apply != nil || (run.Plan != nil) != (name == "before_apply") {
				t.Errorf("it went on: plan %v, apply %v", run.Plan, run.Apply)
			}
			said(t, s, "", "errored")
			if name == "before_apply" {
				card := said(t, s, "", "errored")
				if end := said(t, s, card.TS, "was not applied"); !end.Broadcast {
					t.Error("it rings no phone")
				}
			}
		})
	}
}

// shows waits until a message in the channel has all parts.
func shows(t *testing.T, s *slacktest.Server, parts ...string) slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	var found slacktest.Message
	if err := s.WaitFor(ctx, func() bool {
		for _, found = range s.Messages(ops) {
			text := found.Text + found.Visible()
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) }) {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatalf("%q: %v; the last message is\n%s", parts, err, found.Visible())
	}
	return found
}

// What hooks say stands on the card: a warning in front, where it also keeps a policy from deciding; notes; facts, which later hooks
// are told of. Secrets and control characters are not in it, and nothing of it mentions anybody.
func TestHooksSpeakOnTheCard(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	seen := t.TempDir()
	if err := os.WriteFile(filepath.Join(seen, "secret"), []byte("hush-hush-hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, box(r, "auto_apply = \"always\"\nhooks {\n"+
		hook("after_plan", `printf '<!channel> port 22 \033[31mis open\n'; echo key $KEY; exit 2`)+
		hook("before_apply", `echo 'sallyport: snapshot=snap-1'; echo it is complete`)+
		hook("after_apply", "cat > "+seen+"/run.json; echo the inventory knows")+
		"  env = { KEY = file(\""+seen+"/secret\") }\n}\n")+"hooks {\n"+hook("after_plan", "echo 12 USD a month; echo 'sallyport: cost=12'")+"}\n"+asking(s)).start()
	run := h.Reaches("1", store.Planned)
	if want := "auto_apply is always, but a hook warns of this plan"; run.Asks != want {
		t.Errorf("it asks %q, want %q", run.Asks, want)
	}
	card := shows(t, s, "WARNING of the after_plan hook sh: channel port 22 is open\n│ key (redacted)\n", "after_plan hook sh: 12 USD a month", "cost=12 (after_plan hook)")
	if !strings.Contains(card.Text, "; 1 hook warns. Reply approve or deny") {
		t.Errorf("the lock screen says %q", card.Text)
	}
	if got := card.Active(); slices.ContainsFunc(got, func(a string) bool { return strings.Contains(a, "channel") }) {
		t.Errorf("it mentions %q", got)
	}
	h.MustDecide("1", "approve")
	shows(t, s, "applied", "snapshot=snap-1 (before_apply hook)", "before_apply hook sh: it is complete", "after_apply hook sh: the inventory knows")
	run = h.Until("1", "heard", func(r control.Run) bool { return len(r.HookNotes) == 4 })
	if run.Facts["snapshot"] != "snap-1" || run.Facts["cost"] != "12" || !run.HookNotes[1].Warns || run.HookNotes[0].Warns {
		t.Errorf("facts %v, notes %+v", run.Facts, run.HookNotes)
	}
	var told control.Run
	if err := json.Unmarshal([]byte(readAll(t, seen, "run.json")), &told); err != nil || told.Facts["snapshot"] != "snap-1" {
		t.Errorf("after_apply was told of %v (%v)", told.Facts, err)
	}
}

func TestFailingAfterApplyOnlyWarns(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "hooks {\n"+hook("after_apply", "echo no such inventory; exit 1")+"}\n")+asking(s)).start()
	card := said(t, s, "", "1 to create")
	h.MustDecide("1", "approve")
	run := h.Until("1", "warned", func(r control.Run) bool { return len(r.Warnings) > 0 })
	if run.Status != store.Applied || !strings.Contains(strings.Join(run.Warnings, " "), "the after_apply hook /bin/sh failed: exit status 1: no such inventory") {
		t.Errorf("%s, warnings %q", run.Status, run.Warnings)
	}
	said(t, s, card.TS, "no such inventory")
}

// A stop in the middle of a hook: the one before the apply runs again, and nothing is applied without its end; the one after it
// does not run twice, and people are told.
func TestStopInTheMiddleOfAHook(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int{"before_apply": 2, "after_apply": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := t.TempDir()
			script := fmt.Sprintf(`echo begun >> %[1]s/begun; echo "sallyport: begun=$(grep -c begun %[1]s/begun)"; test -e %[1]s/go || { : > %[1]s/waiting; sleep 600; }; echo ended >> %[1]s/ended`, seen)
			r := newRepository(t)
			r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
			h := newHouse(t, box(r, "hooks {\n"+hook(name, script)+"}\n")).start()
			h.Reaches("1", store.Planned)
			h.MustDecide("1", "approve")
			h.waitFor(filepath.Join(seen, "waiting"))
			if run := h.Until("1", "anything", func(control.Run) bool { return true }); name == "before_apply" && run.Status != store.Approved {
				t.Fatalf("it is %s while the hook runs", run.Status)
			}
			h.stop()
			if err := os.WriteFile(filepath.Join(seen, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			h.start()
			run := h.Reaches("1", store.Applied)
			if name == "after_apply" {
				run = h.Until("1", "told", func(r control.Run) bool {
					return strings.Contains(strings.Join(r.Warnings, " "), "nobody saw its end, and it is not run a second time")
				})
			} else if n := strings.Count(readAll(t, seen, "ended"), "ended"); n != 1 {
				t.Errorf("the hook came to its end %d times before the apply", n)
			}
			if name == "before_apply" && (len(run.HookNotes) != 1 || run.Facts["begun"] != "2") { // neither lost nor doubled
				t.Errorf("it said %+v", run.HookNotes)
			}
			if n := strings.Count(readAll(t, seen, "begun"), "begun"); n != times {
				t.Errorf("the hook was begun %d times, want %d; run %+v", n, times, run)
			}
		})
	}
}

// While a hook runs people can still deny, and the hook is ended.
func TestDenyWhileTheHookRuns(t *testing.T) {
	t.Parallel()
	seen := t.TempDir()
	r := newRepository(t)
	r.commit("Add", map[string]string{"box/main.tf": data("a", "one")})
	h := newHouse(t, box(r, "hooks {\n"+hook("before_apply", fmt.Sprintf("trap ': > %[1]s/ended; exit 1' TERM; : > %[1]s/waiting; sleep 600 & wait", seen))+"}\n")).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.waitFor(filepath.Join(seen, "waiting"))
	if run := h.Until("1", "held", func(r control.Run) bool { return r.Held != "" }); !strings.Contains(run.Held, "hook") {
		t.Errorf("held %q", run.Held)
	}
	h.MustDecide("1", "deny")
	if run := h.Reaches("1", store.Discarded); run.Apply != nil {
		t.Error("it was applied")
	}
	h.waitFor(filepath.Join(seen, "ended"))
}
