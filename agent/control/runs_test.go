package control

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/agent/hint"
	"sallyport/store"
)

func TestKnownStack(t *testing.T) {
	recorded := []*store.StackState{{Name: "net"}, {Name: "left"}}
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprintf("s%02d", i)
	}
	for _, tc := range []struct {
		name, stack string
		recorded    []*store.StackState
		configured  []string
		hint        string // of the error; "-": there is none
	}{
		{"in the configuration", "new", recorded, []string{"net", "new"}, "-"},
		{"left the configuration", "left", recorded, []string{"net", "new"}, "-"},
		{"a slip of the hand", "ent", recorded, []string{"net", "new"}, "the stacks are: left, net, new"},
		{"no stacks at all", "net", nil, nil, ""},
		{"many", "net", nil, many, "s19 and 10 more"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := KnownStack(tc.stack, tc.recorded, tc.configured)
			if tc.hint == "-" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if AsError(err).Kind != NotFound || !strings.Contains(err.Error(), tc.stack) || !strings.HasSuffix(hint.Of(err), tc.hint) {
				t.Errorf("%v, hint %q", err, hint.Of(err))
			}
		})
	}
}
