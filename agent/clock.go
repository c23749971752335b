package agent

import (
	"time"

	"sallyport/agent/clock"
)

// maxPlanWait and maxSendHold are the longest waits that are ever stored. A stored time further ahead is of before the clock
// was put back.
const (
	maxPlanWait = 5 * time.Minute
	maxSendHold = 15 * time.Minute
)

// reading is what both clocks show now.
func (a *Agent) reading() clock.Reading { return clock.Reading{Wall: a.now(), Up: a.opts.Uptime()} }
