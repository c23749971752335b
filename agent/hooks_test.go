package agent_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/control"
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
			script := `seq 1 5000; printf 'the volume is too \033[31mlarge\n'; echo key $KEY; exit 3`
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
			script := fmt.Sprintf(`echo begun >> %[1]s/begun; test -e %[1]s/go || { : > %[1]s/waiting; sleep 600; }; echo ended >> %[1]s/ended`, seen)
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
