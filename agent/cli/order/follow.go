package order

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/follow"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/store"
)

// waitFor waits for a run's end and tells its way on stderr. The error is nil for applied and no_changes only.
func waitFor(ctx context.Context, s *call.Streams, client *socket.Client, id int) error {
	f := follow.Follower{Client: client, Talk: func(line string) { s.Talk("%s", line) }}
	run, err := f.Run(ctx, id)
	if err != nil {
		return err
	}
	return followed(s, run)
}

// followed says how a run ended.
func followed(s *call.Streams, r control.Run) error {
	if s.JSON {
		if err := s.WriteJSON(r); err != nil {
			return err
		}
	}
	if r.Status == store.Applied || r.Status == store.NoChanges {
		return nil
	}
	why := "#" + strconv.Itoa(r.ID) + " ended as " + string(r.Status)
	all := fmt.Sprintf("sallyport show %d", r.ID)
	if r.Error != "" {
		// The first line sums up the others, in which terraform says it again.
		first, _, _ := strings.Cut(strings.TrimSpace(r.Error), "\n")
		why += ": " + first
	}
	e := control.Errorf(control.Refused, "%s", why)
	switch more := strings.Contains(strings.TrimSpace(r.Error), "\n"); {
	case r.Hint != "" && more:
		return e.WithHint("%s; all that was said: %s", r.Hint, all)
	case r.Hint != "":
		return e.WithHint("%s", r.Hint)
	}
	return e.WithHint("%s", all)
}

// runRef is a run's number as a reference.
func runRef(id int) string { return strconv.Itoa(id) }
