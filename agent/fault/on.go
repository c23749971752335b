//go:build faults

package fault

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Enabled reports whether this binary was built for fault injection.
const Enabled = true

// passed counts how often each point was passed by this process.
var passed = struct {
	sync.Mutex
	n map[string]int
}{n: map[string]int{}}

// Point is a place where a kill must not hurt, nor a panic.
func Point(name string) {
	Panic("at " + name)
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
	if n, err := strconv.Atoi(nth); err != nil || point != name || n != passed.n[name] || !first() {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // not one more instruction of this program
}

// first reports whether no other process has died of this fault.
func first() bool {
	mark := os.Getenv("SALLYPORT_FAULT_ONCE")
	if mark == "" {
		return true
	}
	f, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
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

// Panic is the edge of a piece of work in which a panic must not end the program.
func Panic(work string) {
	file := os.Getenv("SALLYPORT_FAULT_PANIC")
	if file == "" {
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return // not written yet
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, number, _ := cutLast(line)
		times, err := strconv.Atoi(number)
		limited := err == nil
		if !limited {
			name = line
		}
		if name != "" && matches(name, work) && (!limited || again("panic "+work) <= times) {
			panic("injected: " + work)
		}
	}
}

// matches compares with a name that may have one * for any text.
func matches(pattern, name string) bool {
	before, after, any := strings.Cut(pattern, "*")
	if !any {
		return pattern == name
	}
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// again counts.
func again(name string) int {
	passed.Lock()
	defer passed.Unlock()
	passed.n[name]++
	return passed.n[name]
}

// Soon is how long something rests after a panic: less where panics are injected, or their tests would mostly wait.
func Soon(rest time.Duration) time.Duration {
	if os.Getenv("SALLYPORT_FAULT_PANIC") == "" {
		return rest
	}
	return rest / 25
}

// Without reports whether a test has switched off the named defence.
func Without(defence string) bool { return os.Getenv("SALLYPORT_FAULT_WITHOUT") == defence }

// Environ is what a process that this one starts with an empty environment must be given, so that the same faults happen
// in it.
func Environ() []string {
	env := []string{}
	for _, v := range os.Environ() {
		if strings.HasPrefix(v, "SALLYPORT_FAULT_") && !strings.HasPrefix(v, "SALLYPORT_FAULT_PANIC=") { // the agent's work, not the runner's
			env = append(env, v)
		}
	}
	return env
}

// Commit names what one transaction writes: a point right before and one right after it is committed.
//
// A transaction that moves runs is named by its transitions ("pending->planning:before"), any other one by the function
// that makes it ("holdHead:after"), so that none can be forgotten.
type Commit struct{ names []string }

// Begin forgets what an earlier transaction wrote.
func (c *Commit) Begin() { c.names = nil }

// Move says that the transaction moves a run from one status to another.
func (c *Commit) Move(from, to string) {
	if name := from + "->" + to; !slices.Contains(c.names, name) {
		c.names = append(c.names, name)
	}
}

// Before is the moment before the commit.
func (c Commit) Before() { c.pass(":before") }

// After is the moment after the commit.
func (c Commit) After() { c.pass(":after") }

func (c Commit) pass(side string) {
	if len(c.names) == 0 {
		c.names = []string{maker()}
	}
	for _, name := range c.names {
		Point(name + side)
	}
}

// made is the name of a function of the agent's, without its package and its receiver. Those that begin and end every
// transaction are in every stack, and tell nothing.
func made(function string) (name string, ours bool) {
	name, ours = strings.CutPrefix(function, "sallyport/agent")
	name = name[strings.LastIndex(name, "/")+1:]
	of, name, _ := strings.Cut(name, ".")
	if !ours || of == "fault" || of == "journal" || strings.HasPrefix(name, "(*journal)") || name == "" {
		return "", false
	}
	if strings.HasPrefix(name, "(") {
		_, name, _ = strings.Cut(name, ").")
	}
	name, _, _ = strings.Cut(name, ".")
	name = strings.ToLower(name[:1]) + name[1:]
	return name, name != "write" && name != "update" && name != "commit"
}

// maker is the function whose transaction is on the stack: the first that only some transactions have in common.
func maker() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for {
		f, more := frames.Next()
		if name, ours := made(f.Function); ours {
			return name
		}
		if !more {
			return "unknown"
		}
	}
}
