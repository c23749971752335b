package triggers

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStackFaults(t *testing.T) {
	broken := errors.New("object not found")
	var f stackFaults
	if err := f.of("comparing"); err != nil {
		t.Fatal(err)
	}
	f.add("one", errors.New("something else"))
	for i := range 1468 {
		f.add(fmt.Sprintf("s%d", i), broken)
	}
	for i := range 1468 {
		f.add(fmt.Sprintf("t%d", i), fmt.Errorf("reading t%d", i))
	}
	err := f.of("comparing")
	want := "comparing stack one: something else\n" +
		"comparing 1,468 stacks (s0, s1, s2 and 1,465 more): object not found\n" +
		"comparing stack t0: reading t0\n" +
		"comparing 1,467 stacks more failed for other reasons"
	if diff := cmp.Diff(want, err.Error()); diff != "" || !errors.Is(err, broken) {
		t.Error(diff)
	}
}
