package votes

import (
	"sallyport/agent/fault"
	"sallyport/notify/slack"
	"sallyport/store"
)

// GoneFrom says why a vote that was given in a thread does not stand any more; empty if it does. One by a button names no message: what
// the bot wrote in the thread of it is history, and to delete that takes nothing back.
func GoneFrom(replies []slack.Message, d store.Decision) string {
	if d.TS == "" || d.Verdict != store.Approve {
		return "" // a deny has ended the run
	}
	for _, m := range replies {
		if m.TS != d.TS {
			continue
		}
		if m.Edited && !fault.Without("edited") {
			return "the message was edited after it was counted"
		}
		return ""
	}
	return "the message was deleted"
}

// About reports whether a reply in the run's thread can be about the run's own plan: what was typed before people were told
// of it was about the plan of the run before.
func About(run *store.Run, ts string) bool {
	return ts == "" || run.Card == nil || !run.Card.Renewed || run.Card.Since != "" && slack.CompareTS(ts, run.Card.Since) > 0
}
