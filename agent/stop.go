package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sallyport/agent/phrase"
	"sallyport/store"
)

// flushTime bounds what is still sent when the agent stops, a request to Slack that hangs included: what cannot be
// delivered by then stays in the outbox, and the next agent looks for it before it sends it again.
const flushTime = 5 * time.Second

// goodbye tells, to whoever stopped the agent, what goes on without it.
func (a *Agent) goodbye() {
	text := "stopping; " + a.without()
	a.log.Info(text)
	a.opts.Stopping(text)
}

// without says in words what becomes of the runs that are under way.
func (a *Agent) without() string {
	var plans, applies []string
	err := a.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, r := range open {
			name := fmt.Sprintf("#%d %s", r.ID, r.Stack)
			switch r.Status {
			case store.Planning:
				plans = append(plans, name)
			case store.Applying:
				applies = append(applies, name)
			}
		}
		return err
	})
	if err != nil {
		return "what is applying goes on by itself, and the next agent tells how it ended"
	}
	text := "nothing is being planned or applied"
	if len(applies) > 0 {
		text = fmt.Sprintf("the apply of %s goes on without the agent, and the next one tells how it ended", phrase.JoinSome(applies, 5))
	}
	if len(plans) > 0 {
		text += fmt.Sprintf("; the plan of %s is interrupted and made again by the next agent", phrase.JoinSome(plans, 5))
	}
	return text
}

// flush gives the outbox a last short chance, then ends the sender, whatever it waits for.
func (a *Agent) flush(ctx context.Context, stopSender context.CancelFunc, sending *sync.WaitGroup) {
	limit := time.AfterFunc(flushTime, stopSender)
	defer limit.Stop()
	a.outbox.Deliver(ctx) // after one that is under way
	stopSender()
	sending.Wait()
}
