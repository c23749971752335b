package cli

import (
	"strings"
	"testing"

	"sallyport/agent/cli/call"
	"sallyport/notify/verbs"
)

// One word takes the same arguments whether it is typed in a shell or told the bot: what people learn in one place is right in the
// other. Which run is decided about the thread says there and the first argument here.
func TestVerbsAreThoseOfSlack(t *testing.T) {
	t.Parallel()
	root := newRoot(call.New(Invocation{Args: nil}))
	for _, v := range verbs.Verbs() {
		if v.Name == "help" {
			continue // cobra's own
		}
		c, rest, err := root.Find(strings.Fields(v.Name))
		if err != nil || len(rest) > 0 {
			t.Errorf("%s is no verb of the command line: %v", v.Name, err)
			continue
		}
		var positional []string
		for _, word := range strings.Fields(c.Use)[1:] {
			if strings.HasPrefix(word, "[-") || strings.HasPrefix(word, "--") {
				break
			}
			positional = append(positional, word)
		}
		want := strings.Fields(v.Positional())
		if v.Place == verbs.Thread {
			want, positional = []string{"RUN"}, positional[:min(1, len(positional))]
		}
		if strings.Join(positional, " ") != strings.Join(want, " ") {
			t.Errorf("%s takes %q in a shell and %q in Slack", v.Name, positional, want)
		}
	}
}
