package complete

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"sallyport/agent/archive"
	"sallyport/agent/control"
)

// reader answers with what it holds, or hangs as an agent may.
type reader struct {
	control.Reader
	copies   []archive.StateCopy
	hangs    bool
	deadline time.Time
}

func (r *reader) States(ctx context.Context, stack string) ([]archive.StateCopy, error) {
	r.deadline, _ = ctx.Deadline()
	if r.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if stack != "ghe" {
		return nil, nil
	}
	return r.copies, nil
}

// A shell that asks an agent that hangs gets its line back within a second, with nothing to choose from.
func TestCompletionEnds(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]bool{"answers": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from := &reader{hangs: hangs, copies: []archive.StateCopy{{Name: "4-before-12", Serial: 4, Resources: 2}}}
			restore := &cobra.Command{Use: "restore STACK SERIAL|NAME [--yes]"}
			restore.SetContext(t.Context())
			Arguments(restore, func(question func(control.Reader) error) error { return question(from) })
			got, _ := restore.ValidArgsFunction(restore, []string{"ghe"}, "")
			want := "4-before-12\tserial 4, 2 resources"
			if hangs {
				want = ""
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%q, want %q", got, want)
			}
			// An agent whose time is over is followed by its data directory, for whose lock a third of a second is waited.
			if from.deadline.IsZero() || within > 700*time.Millisecond {
				t.Errorf("the agent has %s, until %s", within, from.deadline)
			}
		})
	}
}

// What a verb takes is in its usage line, so that it can be completed.
func TestArgumentsOf(t *testing.T) {
	for use, want := range map[string]string{
		"status":                   "",
		"runs [STACK] [--limit N]": "STACK",
		"approve RUN [WORDS...] [--digest SHA256]":   "RUN WORDS...",
		"exec [--commit SHA] STACK -- COMMAND":       "STACK -- COMMAND",
		"plan STACK [--replace ADDRESS]... [--wait]": "STACK",
		"state restore STACK SERIAL|NAME [--yes]":    "restore STACK SERIAL|NAME",
	} {
		if got := strings.Join(argumentsOf(use), " "); got != want {
			t.Errorf("of %q: %q, want %q", use, got, want)
		}
	}
}
