package render

import (
	"strings"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// pinsText lists the stacks that do not follow the branch, with the line that lets them.
func pinsText(stacks []control.Stack, now time.Time) string {
	var b strings.Builder
	for _, s := range stacks {
		if s.Pin == nil {
			continue
		}
		text := "at commit " + short(s.Pin.Commit)
		if s.Pin.Back {
			text += " (going back)"
		}
		if len(s.Pin.Vars) > 0 {
			text += ", NOT IN GIT: var " + strings.Join(s.Pin.Vars, ", ")
		}
		text += pauseText(&control.Pause{By: s.Pin.By, Login: s.Pin.Login, At: s.Pin.At, Reason: s.Pin.Reason}, now)
		b.WriteString("  " + redact.CleanLine(s.Name) + ": " + redact.CleanLine(text) + "\n      sallyport resume " + redact.CleanLine(s.Name) + "\n")
	}
	if b.Len() == 0 {
		return ""
	}
	return "\n" + paint(yellowBold, "pinned, commits wait") + "\n" + b.String()
}
