// Package receiver reads the notify blocks of a configuration: who else is told of what happens, beside Slack and the log. A receiver
// is an address that JSON is posted to, or a command of this machine that gets it as its standard input. Nothing that it answers
// decides anything.
package receiver

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/net/http/httpguts"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/environment"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

// What a receiver can be told of. Each is told once of one run.
const (
	Waiting     = "waiting"     // a plan waits for people
	Errored     = "errored"     // a plan or an apply failed
	Interrupted = "interrupted" // nobody saw the end of an apply
	Drift       = "drift"       // something is not as it was applied
	Blocked     = "blocked"     // a run that somebody waits for cannot go on
)

// Receiver is one notify block.
type Receiver struct {
	Name    string
	Events  []string
	Stacks  []string                 // patterns of the names of stacks, as path.Match has them; empty: all
	URL     redact.Secret            // a secret, since services put theirs into it; zero: Command
	Headers map[string]redact.Secret // of the requests to URL
	Command []string                 // run as it is, by the agent's user
	Env     map[string]redact.Secret // of the command, beside PATH and HOME
	Timeout time.Duration            // of one try
}

// Wants reports whether the receiver is to be told of an event of a stack.
func (r *Receiver) Wants(event, stack string) bool {
	return slices.Contains(r.Events, event) && r.Covers(stack)
}

// Covers reports whether the receiver is told of a stack at all.
func (r *Receiver) Covers(stack string) bool {
	return len(r.Stacks) == 0 || slices.ContainsFunc(r.Stacks, func(pattern string) bool {
		ok, err := path.Match(pattern, stack)
		return ok && err == nil
	})
}

// Format prints a receiver without secrets, under any verb.
func (r Receiver) Format(f fmt.State, verb rune) {
	type plain Receiver
	if verb != 'v' { // only that verb asks secrets for their text
		fmt.Fprintf(f, "%v", plain(r))
		return
	}
	fmt.Fprintf(f, fmt.FormatString(f, verb), plain(r))
}

// Read reads a notify block. The words of the command are not checked here: whoever asks knows which programs may be trusted.
func Read(l *decode.Reader, b *hcl.Block) (*Receiver, decode.Attributes) {
	a := l.Block(b, shape.Notify())
	r := &Receiver{Name: b.Labels[0]}
	readEvents(l, a, r)
	readStacks(l, a, r)
	readURL(l, a, r)
	readHeaders(l, a, r)
	r.Env, _ = environment.Read(l, a, "env")
	l.Duration(a, "timeout", &r.Timeout)
	switch has := func(name string) bool { return a.Get(name) != nil }; {
	case has("url") && has("command"):
		l.Fault(a.Get("command").NameRange, "Contradiction", "url has the agent post and command has it run a program; keep one of the two, or write a block for each.")
	case !has("url") && !has("command"):
		l.Fault(a.Header, "No receiver", `A notify block needs url = "https://..." or command = ["/usr/local/bin/page"].`)
	case !has("url") && has("headers"):
		l.Fault(a.Get("headers").NameRange, "Useless attribute", "headers goes with url.")
	case !has("command") && has("env"):
		l.Fault(a.Get("env").NameRange, "Useless attribute", "env goes with command.")
	}
	return r, a
}

// readEvents reads what the receiver is told of.
func readEvents(l *decode.Reader, a decode.Attributes, r *Receiver) {
	if !l.Strings(a, "events", &r.Events) {
		return
	}
	if len(r.Events) == 0 {
		l.Fault(a.At("events"), "No event", "events is empty, so this receiver would never be told of anything: name some of %s.", decode.OrList(shape.Events()))
	}
	for i, event := range r.Events {
		switch {
		case !slices.Contains(shape.Events(), event):
			l.Fault(a.Element("events", i), "Unknown event", "There is no event %q, but %s.", event, decode.OrList(shape.Events()))
		case slices.Index(r.Events, event) < i:
			l.Fault(a.Element("events", i), "Duplicate event", "%q stands in events already.", event)
		}
	}
}

// readStacks reads which stacks the receiver is told of.
func readStacks(l *decode.Reader, a decode.Attributes, r *Receiver) {
	if !l.Strings(a, "stacks", &r.Stacks) {
		return
	}
	if len(r.Stacks) == 0 {
		l.Fault(a.At("stacks"), "No stack", "stacks is empty, so this receiver would never be told of anything; without it every stack counts.")
	}
	for i, pattern := range r.Stacks {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			l.Fault(a.Element("stacks", i), "Invalid glob", `%q is no pattern of names: * stands for any characters, ? for one, [a-c] for one of several.`, pattern)
		}
	}
}

// readURL reads the address, which no fault ever quotes.
func readURL(l *decode.Reader, a decode.Attributes, r *Receiver) {
	v, ok := l.Eval(a.Get("url"), cty.String)
	if !ok {
		return
	}
	if v, _ = v.UnmarkDeep(); !v.IsKnown() {
		return // a credential that cannot be read here; a warning has said so
	}
	if err := remote.CheckPost(v.AsString()); err != nil {
		l.Fault(a.At("url"), "Invalid URL", "url cannot be used: %s.", err)
		return
	}
	r.URL = redact.NewSecret(v.AsString())
}

// ours are the headers that the agent sets, or that say how a request travels.
func ours() []string {
	return []string{
		"connection", "content-encoding", "content-length", "content-type", "expect", "host", "keep-alive", "proxy-authorization",
		"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
	}
}

// readHeaders reads what goes with each request. Names are never secrets; values may be.
func readHeaders(l *decode.Reader, a decode.Attributes, r *Receiver) {
	headers, secret := l.SecretMap(a, "headers")
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		value, lower := headers[name], strings.ToLower(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			l.Fault(a.Key("headers", name), "Invalid name", "%q cannot be the name of a header.", name)
		case slices.Contains(ours(), lower):
			l.Fault(a.Key("headers", name), "Refused header", "%s may not be set in headers: the agent says itself what it sends, which is application/json.", name)
		case taken[lower]:
			l.Fault(a.Key("headers", name), "Duplicate name", "%s is there in other capitals already, which do not tell headers apart.", name)
		case !httpguts.ValidHeaderFieldValue(value.Reveal()):
			l.Fault(a.Key("headers", name), "Invalid value", "The value of %s holds control characters, as a file with more than the value in it would give.", name)
		case !slices.Contains(secret, name) && !value.IsZero() && hidesSecret(lower):
			l.Warn(a.Key("headers", name), `the value of %s stands in the configuration itself; credential("...") or file("...") keeps it out`, name)
		}
		taken[lower] = true
	}
	r.Headers = headers
}

// hidesSecret reports whether a header is one that people put secrets into.
func hidesSecret(name string) bool {
	return slices.ContainsFunc([]string{"auth", "token", "key", "secret", "cookie", "password"}, func(part string) bool { return strings.Contains(name, part) })
}
