package transport

import (
	"fmt"
	"runtime/debug"
)

// start runs f in a goroutine of its own. A panic in it ends neither the agent nor goes unnoticed: failed gets it as an error with its
// stack, and makes it one of the work that the goroutine was there for.
func start(f func(), failed func(error)) { go Guarded(f, failed)() }

// Guarded is f with its panic turned into an error, for timers too.
func Guarded(f func(), failed func(error)) func() {
	return func() {
		defer func() {
			if p := recover(); p != nil {
				failed(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		f()
	}
}
