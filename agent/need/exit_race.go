//go:build race

package need

import (
	"runtime"
	"syscall"
)

// raceExitCode is what the race detector lets a process end with in which it has found something.
const raceExitCode = 66

// Exit ends a process in which the test binary took the program's place: the one that unpacks, a runner, a keeper. The race
// detector lets every process wait for a second before it ends, in case that a race is still to come, and there are
// thousands of these: tests took several times as long. What it has found so far is told as it tells it.
func Exit(code int) {
	if runtime.RaceErrors() > 0 {
		code = raceExitCode
	}
	syscall.Exit(code)
}
