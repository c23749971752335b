package archive

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/datadir/datadirtest"
	"sallyport/agent/hint"
)

func TestStatesAreFoundByNameAndBySerial(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	repaired := BeforeRepair(12, datadirtest.At(4).In(time.FixedZone("CET", 3600)))
	for _, c := range []struct{ name, state string }{
		{BeforeApply(9), `{"serial": 4, "lineage": "l", "terraform_version": "1.11.4", "resources": [{"mode": "managed", "instances": [{}, {}]}, {"mode": "data", "instances": [{}]}]}`},
		{BeforeApply(12), `{"serial": 5}`},
		{repaired, `{"serial": 6}`},
		{BeforeApply(100), `{"serial": 5}`},
	} {
		if err := KeepState(dir, "ghe", c.name, []byte(c.state)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := StateCopies(dir, "ghe")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"run-100", "12_20260301T030400.000Z", "run-12", "run-9"}, names); diff != "" {
		t.Error(diff)
	}
	tests := map[string]struct {
		stack, ref string
		serial     int64
		state      string
		is         error
	}{
		"of an apply":           {"ghe", "run-9", 4, "", nil},
		"of a repair":           {"ghe", "12_20260301T030400.000Z", 6, `{"serial": 6}`, nil},
		"by serial":             {"ghe", "#6", 6, `{"serial": 6}`, nil},
		"a serial of two":       {"ghe", "5", 0, "", ErrConflict},
		"nothing":               {"ghe", "run-1", 0, "", ErrNotFound},
		"of another stack":      {"net", "run-9", 0, "", ErrNotFound},
		"a name that leads out": {"../ghe", "run-9", 0, "", ErrNotFound},
	}
	for name, tt := range tests {
		found, state, err := FindState(dir, tt.stack, tt.ref)
		if !errors.Is(err, tt.is) || found.Serial != tt.serial || tt.state != "" && string(state) != tt.state {
			t.Errorf("%s: serial %d, %s, %v", name, found.Serial, state, err)
		}
		if tt.is != nil && tt.stack == "ghe" && hint.Of(err) == "" {
			t.Errorf("%s: nobody learns what to do about %v", name, err)
		}
	}
	if c := all[3]; c.Run != 9 || c.Resources != 2 || c.Lineage != "l" || c.Terraform != "1.11.4" || c.Bytes == 0 {
		t.Errorf("the copy is %+v", c)
	}
}

func TestOnlyTheNewestCopiesStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for run := range keptStates + 3 {
		if err := KeepState(dir, "ghe", BeforeApply(run+1), []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := StateCopies(dir, "ghe")
	if err != nil || len(all) != keptStates || all[keptStates-1].Run != 4 {
		t.Errorf("%d copies stay, %v", len(all), err)
	}
}
