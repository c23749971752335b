package contain_test

import (
	"errors"
	"strings"
	"testing"

	"sallyport/agent/contain"
)

func dereference(p *struct{ n int }) int { return p.n }

func write(m map[string]int) { m["a"] = 1 }

func index(list []int) int { return list[len(list)] }

func TestDo(t *testing.T) {
	own := errors.New("its own")
	for _, test := range []struct {
		name  string
		work  func() error
		value string // of the panic; empty: there is none
		place string
	}{
		{"all is well", func() error { return nil }, "", ""},
		{"an error stays what it is", func() error { return own }, "", ""},
		{"a nil pointer", func() error { dereference(nil); return nil }, "nil pointer", "dereference"},
		{"an index", func() error { index(nil); return nil }, "index out of range", "index"},
		{"a word", func() error { panic("nobody thought of this") }, "nobody thought of this", "TestDo"},
		{"an error", func() error { panic(own) }, "its own", "TestDo"},
		{"a nil map", func() error { write(nil); return nil }, "nil map", "write"},
		{"in a defer", func() error { defer func() { panic("late") }(); return own }, "late", "TestDo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := contain.Do("trying "+test.name, test.work)
			var p *contain.Panic
			if !errors.As(err, &p) {
				if test.value != "" || err != nil && !errors.Is(err, own) {
					t.Fatalf("the error is %v", err)
				}
				return
			}
			if test.value == "" || !strings.Contains(p.Value, test.value) || !strings.Contains(p.Place, test.place) || !strings.Contains(p.Place, "contain_test.go:") {
				t.Errorf("caught %q at %q", p.Value, p.Place)
			}
			for _, part := range []string{"trying " + test.name, p.Value, p.Place} {
				if !strings.Contains(p.Error(), part) {
					t.Errorf("%q is not in %q", part, p.Error())
				}
			}
			if !strings.Contains(p.Stack, "contain_test.go") || p.UserHint() == "" {
				t.Errorf("stack %q, hint %q", p.Stack, p.UserHint())
			}
		})
	}
}

// What makes two panics the same is the place, which must not depend on who called.
func TestPlaceIsTheSame(t *testing.T) {
	catch := func(list []int) *contain.Panic { return contain.Run("looking", func() { index(list) }) }
	a, b := catch(nil), catch([]int{1})
	if a == nil || b == nil || a.Place != b.Place || a.Value == b.Value {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestGo(t *testing.T) {
	caught := make(chan *contain.Panic)
	contain.Go("walking", func(p *contain.Panic) { caught <- p }, func() { panic("stumbled") })
	if p := <-caught; p.Work != "walking" || p.Value != "stumbled" {
		t.Errorf("caught %+v", p)
	}
}

// Whoever waits for helpers goes on when all of them have ended, with the panic of one.
func TestCarrierWaits(t *testing.T) {
	var c contain.Carrier
	fell, ended := make(chan struct{}), false
	c.Go("falling", func() { defer close(fell); panic("stumbled") })
	c.Go("walking", func() { <-fell; ended = true })
	p := contain.Run("waiting", c.Wait)
	if p == nil || p.Work != "falling" || p.Value != "stumbled" {
		t.Errorf("waiting met %+v", p)
	}
	if !ended {
		t.Error("it did not wait for the other one")
	}
	var calm contain.Carrier
	calm.Go("walking", func() {})
	if p := contain.Run("waiting", calm.Wait); p != nil {
		t.Errorf("waiting for those who walk met %+v", p)
	}
}
