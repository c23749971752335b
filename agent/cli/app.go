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
}

func newApp(inv Invocation) *app {
	return &app{inv: inv, streams: newStreams(inv), at: &installation{}, now: inv.Now}
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
