package agent

import (
	"context"
	"sync"
	"time"
)

// flushTime bounds what is still sent when the agent stops, a request to Slack that hangs included: what cannot be
// delivered by then stays in the outbox, and the next agent looks for it before it sends it again.
const flushTime = 5 * time.Second

// goodbye tells, to whoever stopped the agent, what goes on without it.
func (a *Agent) goodbye() {
	text := "stopping; " + a.viewer.AfterStop()
	a.log.Info(text)
	a.opts.Stopping(text)
}

// flush gives the outbox a last short chance, then ends the sender, whatever it waits for.
func (a *Agent) flush(ctx context.Context, stopSender context.CancelFunc, sending *sync.WaitGroup) {
	limit := time.AfterFunc(flushTime, stopSender)
	defer limit.Stop()
	a.outbox.Deliver(ctx) // after one that is under way
	stopSender()
	sending.Wait()
}
