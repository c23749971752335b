//go:build faults

package fault

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Enabled reports whether this binary was built for fault injection.
const Enabled = true

// passed counts how often each point was passed by this process.
var passed = struct {
	sync.Mutex
	n map[string]int
}{n: map[string]int{}}

// Point is a place where a kill must not hurt.
func Point(name string) {
	trace, kill := os.Getenv("SALLYPORT_FAULT_TRACE"), os.Getenv("SALLYPORT_FAULT_KILL")
	if trace == "" && kill == "" {
		return
	}
	passed.Lock()
	defer passed.Unlock()
	passed.n[name]++
	if trace != "" {
		record(trace, name)
	}
	point, nth, _ := cutLast(kill)
	if n, err := strconv.Atoi(nth); err != nil || point != name || n != passed.n[name] {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // not one more instruction of this program
}

// record appends a line; one write of a few bytes with O_APPEND is whole even if several processes write.
func record(file, name string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(fmt.Sprintf("fault: %v", err))
	}
	defer f.Close()
	if _, err := fmt.Fprintln(f, name); err != nil {
		panic(fmt.Sprintf("fault: %v", err))
	}
}

// cutLast splits at the last colon: names of points hold colons themselves.
func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// Without reports whether a test has switched off the named defence.
func Without(defence string) bool { return os.Getenv("SALLYPORT_FAULT_WITHOUT") == defence }

// Environ is what a process that this one starts with an empty environment must be given, so that the same faults happen
// in it.
func Environ() []string {
	env := []string{}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "SALLYPORT_FAULT_") {
			env = append(env, v)
		}
	}
	return env
}
