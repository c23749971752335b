// Package contain keeps a panic inside the work that it happened in. A program that works for many repositories, stacks,
// threads and requests at a time must not end because one of them holds something that nobody thought of.
//
// Whoever does work that can fail by itself does it through [Do], at the edge of that work: one poll, one plan, one message,
// one request. A panic comes back as a [*Panic], an error like any other, so that what follows an error of that work (it is
// shown, tried again later, or given up) follows a panic too. What the work held is let go of by its own defers, which run as
// the panic passes them; a lock that is not given back by a defer stays taken, so locks around foreign code are.
//
// Two things are out of reach. A fatal error of the Go runtime (two goroutines that write one map, no memory, a stack without
// an end) cannot be caught by anybody. And a goroutine that a library starts ends the program if it panics, wherever the call
// into the library stands: such work belongs into a process of its own.
package contain

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"sallyport/agent/fault"
)

// A Panic is a panic that was caught.
type Panic struct {
	Work  string // what was being done, as given to Do
	Value string // what the panic said
	Place string // where it happened: function, file and line; what makes two of them the same
	Stack string // the stack trace, for the log
}

// Error implements error.
func (p *Panic) Error() string {
	return fmt.Sprintf("a fault in sallyport itself met while %s: %s (%s)", p.Work, p.Value, p.Place)
}

// Hint is what a person can do about a fault of this program's.
const Hint = "please report it, with the stack trace that stands in the log"

// UserHint tells what to do about it.
func (p *Panic) UserHint() string { return Hint }

// Do does a piece of work. The error is the work's own, or a *Panic. What the work is called reads on after "while", as in
// "polling repository infra"; tests make the work of a name panic, see package fault.
func Do(work string, f func() error) (err error) {
	defer func() {
		value := recover()
		if p, handed := value.(*Panic); handed {
			err = p
		} else if value != nil {
			err = &Panic{Work: work, Value: fmt.Sprint(value), Place: place(), Stack: string(debug.Stack())}
		}
	}()
	fault.Panic(work)
	return f()
}

// Go starts work in a goroutine of its own and hands a panic in it to caught, which must not panic. For the rare work whose
// end somebody else waits for.
func Go(work string, caught func(*Panic), f func()) {
	go func() {
		if p := Run(work, f); p != nil {
			caught(p)
		}
	}()
}

// Run is Do for work that has no error. It returns nil if there was no panic.
func Run(work string, f func()) *Panic {
	err := Do(work, func() error { f(); return nil })
	p, _ := err.(*Panic)
	return p
}

// A Carrier brings a panic of a helper's goroutine into the goroutine that the helper works for: there it goes on as a panic,
// to the edge of the work that both are part of. The zero value is ready.
type Carrier struct {
	p       atomic.Pointer[Panic]
	helpers sync.WaitGroup
}

// Go starts a helper.
func (c *Carrier) Go(work string, f func()) {
	c.helpers.Go(func() {
		if p := Run(work, f); p != nil {
			c.p.CompareAndSwap(nil, p)
		}
	})
}

// Wait waits for the helpers to end and panics if one of them did.
func (c *Carrier) Wait() {
	c.helpers.Wait()
	c.Deliver()
}

// Deliver panics if a helper did. To be called where the work ends; what a helper does after that is not known any more.
func (c *Carrier) Deliver() {
	if p := c.p.Load(); p != nil {
		panic(p)
	}
}

// place is where the panic happened whose recovery calls this: the first function below the machinery of panics.
func place() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	below := false
	for {
		f, more := frames.Next()
		system := strings.HasPrefix(f.Function, "runtime.")
		if below && !system && !strings.HasPrefix(f.Function, "sallyport/agent/fault.") {
			return fmt.Sprintf("%s, %s:%d", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		below = below || system && strings.HasSuffix(f.Function, "panic")
		if !more {
			return "nobody knows where"
		}
	}
}
