package outbox

import (
	"sallyport/agent/active"
	"sallyport/store"
)

// sender delivers one message to Slack.
type sender struct {
	agent   *Outbox
	world   *active.Config
	message *store.Message
	run     *store.Run
	wrote   bool // the request that writes was made; before that nothing can have been posted
	// cardless: the run has no message and will not get one soon, so what there is to say goes to the channel.
	cardless bool
}
