package terraform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/patience"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/tftest"
)

// hanging is terraform, but one of its verbs runs a script instead; the script finds the directory for its notes in $1.
func hanging(t *testing.T, real binary.Tool, verb, script string) (tool binary.Tool, notes string) {
	t.Helper()
	notes = t.TempDir()
	body := filepath.Join(notes, "body")
	stub := filepath.Join(notes, "terraform")
	for file, text := range map[string]string{
		body: script,
		stub: fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = %s ]; then exec /bin/sh %s %s; fi\nexec %s \"$@\"\n", verb, body, notes, real.Path),
	} {
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tool = real
	tool.Path = stub
	return tool, notes
}

// Whatever hangs, and however it holds on, ends at the limit, with everything that it started; the next plan works.
func TestHangingTerraformEnds(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it waits for a terraform that does not listen")
	const wait = "echo $$ > $1/pids; while :; do sleep 1; done"
	for name, c := range map[string]struct{ verb, script string }{
		"init":                             {"init", wait},
		"plan":                             {"plan", wait},
		"show":                             {"show", wait},
		"plan that ignores SIGINT":         {"plan", "trap '' INT TERM\n" + wait},
		"plan whose child holds its pipe":  {"plan", "setsid sleep 1000 & echo $! > $1/pids; exit 0"},
		"show whose child holds its pipe":  {"show", "setsid sleep 1000 & echo $! > $1/pids; exit 0"},
		"init that leaves a quiet child":   {"init", "trap '' INT; setsid sleep 1000 > /dev/null 2>&1 & echo $! > $1/pids; while :; do sleep 1; done"},
		"plan that closes what it is read": {"plan", "exec > /dev/null 2>&1\n" + wait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			files := main(`resource "terraform_data" "a" {}`)
			r.plan(r.options(files))
			o := r.options(files)
			var notes string
			o.Tool, notes = hanging(t, r.tool, c.verb, c.script)
			// What is done before it hangs takes its time where everything does.
			o.Timeout, o.Grace = min(patience.Scaled(3*time.Second), 15*time.Second), time.Second
			e := failure(t, t.Context(), o)
			if !errors.Is(e, context.DeadlineExceeded) || !strings.Contains(e.Error(), fmt.Sprintf("plan_timeout of %s", o.Timeout)) || e.Transient {
				t.Errorf("error %v, transient %v", e, e.Transient)
			}
			if !strings.Contains(e.Hint, "plan_timeout") {
				t.Errorf("hint %q", e.Hint)
			}
			text, err := os.ReadFile(filepath.Join(notes, "pids"))
			if err != nil {
				t.Fatal("it never hung: ", err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			tftest.Eventually(t, "the process is gone", func() bool { return gone(pid) })
			o = r.options(files)
			r.plan(o)
		})
	}
}

// gone reports whether a process has ended; one that only waits to be reaped has.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
