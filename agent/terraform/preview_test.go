package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPreviewLeavesNothing: what nobody has approved must not change what the next plan works with.
func TestPreviewLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	files := main("resource \"terraform_data\" \"a\" {}\n")
	o := r.options(files)
	o.Workspace, o.Preview, o.NoLock = "blue", true, true
	_, err := Plan(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "blue does not exist yet") {
		t.Errorf("planning in a workspace that is not there: %v", err)
	}
	if stray, _ := filepath.Glob(filepath.Join(r.State, "*", "blue")); len(stray) > 0 {
		t.Errorf("the workspace was made: %v", stray)
	}

	o = r.options(files)
	o.Preview, o.NoLock = true, true
	if res := r.plan(o); res.Plan.Add != 1 {
		t.Errorf("the preview adds %d", res.Plan.Add)
	}
	if entries, _ := os.ReadDir(r.State); len(entries) > 0 {
		t.Errorf("the state's directory holds %v", entries)
	}
}
