package transport

import (
	"strings"
	"testing"
)

// A panic in a goroutine of the package's own is an error of the work that it was started for, with the place where it happened.
func TestPanicIsAnError(t *testing.T) {
	told := make(chan error, 1)
	start(func() { panic("boom") }, func(err error) { told <- err })
	if err := <-told; !strings.Contains(err.Error(), "panic: boom") || !strings.Contains(err.Error(), "goroutine_test.go") {
		t.Errorf("got %v", err)
	}
}
