package render

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// backupText is how old the last backup is that left the machine.
func backupText(b *control.Backups, now time.Time) string {
	last := "no backup was sent yet"
	if b.At != nil {
		last = fmt.Sprintf("last backup sent %s, %s", ago(b.At, now), humanize.IBytes(uint64(max(0, b.Bytes))))
		if b.Verified {
			last += ", read back whole"
		}
	}
	last += ", schedule " + b.Schedule
	if b.Error == "" {
		return redact.CleanLine(last)
	}
	return paint(redBold, "BACKUP FAILS") + redact.CleanLine(fmt.Sprintf(" %s; %s", lasts(b.ErrorAt, now), last))
}

func agentText(g control.Agent, outbox int, now time.Time) string {
	line := paint(redBold, "agent not running")
	if g.Running {
		line = paint(green, "agent running") + redact.CleanLine(fmt.Sprintf(", version %s, started %s", g.Version, ago(g.StartedAt, now)))
	}
	if g.Web != "" {
		line += "\n" + redact.CleanLine("pages to read at "+g.Web) + ": sallyport web"
	}
	if g.Pause != nil {
		line += "\n" + paint(yellowBold, "PAUSED") + redact.CleanLine(pauseText(g.Pause, now)) + "\n  sallyport resume"
	}
	if g.Backup != nil {
		line += "\n" + backupText(g.Backup, now)
	}
	if s := g.Socket; s != nil && s.Connected {
		line += "\nslack's socket is open: buttons, and replies that are read at once, " + redact.CleanLine(lasts(s.Since, now))
	} else if s != nil {
		line += "\n" + paint(yellowBold, "NO SOCKET TO SLACK") + redact.CleanLine(" "+lasts(s.Since, now)+"; slack is polled, and buttons do nothing")
	}
	if outbox > 0 {
		line += "\n" + words.CountOf(outbox, "message waits", "messages wait") + " to be delivered"
	}
	return line + "\n"
}
