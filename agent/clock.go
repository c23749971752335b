package agent

import (
	"time"

	"sallyport/agent/clock"
)

// maxSendHold is the longest wait that is ever stored for a message. A stored time further ahead is of before the clock was put
// back.
const maxSendHold = 15 * time.Minute

// reading is what both clocks show now.
func (a *clocks) reading() clock.Reading { return clock.Reading{Wall: a.now(), Up: a.uptime()} }
