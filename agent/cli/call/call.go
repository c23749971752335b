// Package call is what the verbs of the command line share: the [Streams] that a call reads and prints, the [Installation] that says
// which agent is meant, the rules of its arguments, and its exit codes.
package call

import (
	"io"
	"strings"
	"time"

	"sallyport/agent/cli/build"
)

// Invocation is one call of the program: everything that it sees of the world.
type Invocation struct {
	Args    []string // without the program's name
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string         // default os.Environ
	Now     func() time.Time // default time.Now
	Version string           // of this build; empty: what the Go toolchain recorded
}

// Call is what the verbs of one call are put together with; what a verb does is a function of those of it that it needs.
type Call struct {
	Inv     Invocation
	Streams *Streams
	At      *Installation
	Now     func() time.Time

	compared bool // a difference of versions was told
}

// New begins a call.
func New(inv Invocation) *Call {
	a := &Call{Inv: inv, Streams: NewStreams(inv), Now: inv.Now}
	a.At = &Installation{Hears: a.CompareVersions}
	return a
}

// CompareVersions says once that the agent is of another version than this command: installing a new one does not replace the one
// that runs.
func (a *Call) CompareVersions(agent string) {
	mine := Version(a.Inv.Version)
	if agent == "" || agent == mine || a.compared {
		return
	}
	a.compared = true
	a.Streams.Talk("sallyport: the agent that answers is version %s, this command is %s", agent, mine)
	a.Streams.Talk("hint: restart the agent (systemctl restart sallyport), or use the command that belongs to it")
}

// Env is an environment variable, or a fallback when it is not set or empty.
func Env(environ []string, name, fallback string) string {
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name && v != "" {
			return v
		}
	}
	return fallback
}

// Version is that of this build, where it was given none.
func Version(given string) string { return build.Of(given).Version }
