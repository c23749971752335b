package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// meeting is terraform whose two shows of a plan each wait for the other to begin: one after the other they would wait in vain, until
// they give up. Then runs what a text show does instead of the real one; empty: the real one.
func meeting(t *testing.T, r *rig, then string) {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
if [ "$1" = show ]; then
	mine=text; other=json; if [ "$2" = -json ]; then mine=json; other=text; fi
	: > %[1]s/$mine
	n=0; while [ ! -e %[1]s/$other ]; do n=$((n+1)); if [ $n = 1200 ]; then echo "the other show never began" >&2; exit 1; fi; sleep 0.05; done
	if [ $mine = text ]; then :
	%[2]s
	fi
fi
exec %[3]s "$@"
`, dir, then, r.tool.Path)
	path := filepath.Join(dir, "terraform")
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r.tool.Path = path
}

// A plan is shown to this program and to people at the same time, and neither is without the other.
func TestShowsAreSideBySide(t *testing.T) {
	t.Parallel()
	files := main(`resource "terraform_data" "a" { input = "seen" }`)
	t.Run("both", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		meeting(t, r, "")
		res := r.plan(r.options(files))
		if len(res.Plan.Changes) != 1 || !strings.Contains(res.Text, `+ input  = "seen"`) || res.TextFile == "" {
			t.Errorf("changes %+v, text in %q:\n%s", res.Plan.Changes, res.TextFile, res.Text)
		}
		if res.Plan.PlanSeconds <= 0 {
			t.Errorf("terraform took %v s", res.Plan.PlanSeconds)
		}
	})
	t.Run("one fails", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		meeting(t, r, "echo no words >&2; exit 3")
		e := failure(t, t.Context(), r.options(files))
		if e.ExitCode != 3 || !strings.Contains(e.Error(), "show") {
			t.Errorf("the error is %v", e)
		}
	})
}
