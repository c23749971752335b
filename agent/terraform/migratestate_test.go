package terraform

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/tftest"
)

// A state comes to an empty place and to none that holds something, and can be taken back.
func TestBringState(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it starts terraform many times")
	r, b, taken := newRig(t), tftest.NewBackend(t), tftest.NewBackend(t)
	const one = `resource "terraform_data" "a" { input = 1 }`
	if _, err := keptstate.Read(r.State, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is none yet: %v", err)
	}
	r.planApply(main(one))
	state, err := keptstate.Read(r.State, "")
	ok(t, err)
	lineage, err := keptstate.Identity(r.State, "")
	ok(t, err)
	if lineage.Resources != 1 {
		t.Errorf("%+v", lineage)
	}
	there, err := Rehearse(t.Context(), r.options(behind(b, one)), state)
	ok(t, err)
	if !there.Plan.Empty || there.Plan.Lineage != lineage.Lineage || b.State() != "" {
		t.Errorf("rehearsed: %+v, and written was %q", there.Plan, b.State())
	}
	if there, err = Rehearse(t.Context(), r.options(behind(b, one+"\n"+`resource "terraform_data" "b" {}`)), state); err != nil || there.Plan.Add != 1 {
		t.Errorf("rehearsed with more: %+v, %v", there, err)
	}
	never := func([]byte) error { return errors.New("nothing is there to be kept") }
	if _, err := BringState(t.Context(), r.options(main(one)), BringOptions{State: state, Kept: true, Keep: never}); !errors.Is(err, ErrStateKept) {
		t.Errorf("from where it is to where it is: %v", err)
	}
	brought, err := BringState(t.Context(), r.options(behind(b, one)), BringOptions{State: state, Kept: true, Keep: never})
	if err != nil || brought.There || brought.Before != nil || !strings.Contains(b.State(), lineage.Lineage) {
		t.Fatalf("%+v, %v, %q", brought, err, b.State())
	}
	if res := r.plan(r.options(behind(b, one))); !res.Plan.Empty {
		t.Errorf("a plan there: %+v", res.Plan)
	}
	if again, err := BringState(t.Context(), r.options(behind(b, one)), BringOptions{State: state, Keep: never}); err != nil || !again.There {
		t.Errorf("once more: %+v, %v", again, err)
	}
	ok(t, TakeBack(t.Context(), r.options(behind(b, one)), brought.Before))
	left, err := planjson.ParseState(strings.NewReader(b.State()))
	if err != nil || left.Resources != 0 || left.Lineage == lineage.Lineage {
		t.Errorf("taken back: %+v, %v", left, err)
	}
	kept := ""
	if _, err := BringState(t.Context(), r.options(behind(b, one)), BringOptions{State: state, Keep: func(current []byte) error { kept = string(current); return nil }}); err != nil || !strings.Contains(kept, left.Lineage) || !strings.Contains(b.State(), lineage.Lineage) {
		t.Errorf("over an empty one: %v, kept %q, is %q", err, kept, b.State())
	}

	r.State = filepath.Join(r.dir, "other")
	r.planApply(behind(taken, one))
	before := taken.State()
	if _, err := BringState(t.Context(), r.options(behind(taken, one)), BringOptions{State: state, Keep: never}); !errors.Is(err, ErrPlaceTaken) || taken.State() != before {
		t.Errorf("over another: %v", err)
	}
	aside, err := keptstate.PutAside(filepath.Join(r.dir, "state"), "", ".aside")
	ok(t, err)
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	got, err := StateFrom(t.Context(), r.options(main("")), []byte(taken.Block()))
	if err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(before) {
		t.Errorf("%q, %v", got, err)
	}
}
