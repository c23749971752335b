package cli

import (
	"strings"
	"time"
)

// app is what the verbs of one call are put together with; what a verb does is a function of those of it that it needs.
type app struct {
	inv     Invocation
	streams *streams
	at      *installation
	now     func() time.Time

	compared bool // a difference of versions was told
}

func newApp(inv Invocation) *app {
	a := &app{inv: inv, streams: newStreams(inv), now: inv.Now}
	a.at = &installation{hears: a.compareVersions}
	return a
}

// compareVersions says once that the agent is of another version than this command: installing a new one does not replace the one
// that runs.
func (a *app) compareVersions(agent string) {
	mine := version(a.inv.Version)
	if agent == "" || agent == mine || a.compared {
		return
	}
	a.compared = true
	a.streams.talk("sallyport: the agent that answers is version %s, this command is %s", agent, mine)
	a.streams.talk("hint: restart the agent (systemctl restart sallyport), or use the command that belongs to it")
}

// env is an environment variable, or a fallback when it is not set or empty.
func env(environ []string, name, fallback string) string {
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name && v != "" {
			return v
		}
	}
	return fallback
}
