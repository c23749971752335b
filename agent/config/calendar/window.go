package calendar

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"sallyport/agent/config/decode"
	"sallyport/notify/words"
)

// A Window is when plans may be applied: from each time of a schedule on, for a while.
type Window struct {
	Schedule string // a robfig/cron spec, never @every; CRON_TZ=Zone before it sets the zone
	Duration time.Duration
}

// A Freeze is when nothing may be applied, whatever the windows say. Both times are in the zone that people wrote.
type Freeze struct {
	From, To time.Time // To is the first moment after it
	Reason   string
}

const (
	leastWindow = time.Minute // one that is shorter could open and close between two looks
	dateOnly    = "2006-01-02"
	dateAndTime = "2006-01-02 15:04"
)

// ReadWindow reads one window; false after a fault.
func ReadWindow(l *decode.Reader, o decode.Object) (w Window, ok bool) {
	w.Schedule = strings.TrimSpace(o.Text["schedule"])
	schedule, err := ParseSchedule(w.Schedule)
	if err == nil {
		if _, is := schedule.(*cron.SpecSchedule); !is {
			err = errors.New("@every has no fixed times, so nobody could say when the window opens")
		}
	}
	if err != nil {
		l.Fault(o.At, "Invalid schedule", `schedule of apply_window is not a schedule: %s. It says when the window opens, like "CRON_TZ=Europe/Paris 0 9 * * 1-5".`, err)
		return w, false
	}
	w.Duration, err = time.ParseDuration(o.Text["duration"])
	if err != nil || w.Duration < leastWindow {
		l.Fault(o.At, "Invalid duration", `duration of apply_window says for how long it stays open, like "8h", and is at least %s, not %q.`, words.Span(leastWindow), o.Text["duration"])
		return w, false
	}
	return w, true
}

// ReadFreeze reads one freeze; false after a fault.
func ReadFreeze(l *decode.Reader, o decode.Object) (f Freeze, ok bool) {
	zone, err := time.LoadLocation(o.Text["zone"]) // an empty name is UTC
	if err != nil || o.Text["zone"] == "Local" {
		l.Fault(o.At, "Unknown time zone", `zone = %q is no time zone: write one like "Europe/Paris"; without it dates are in UTC.`, o.Text["zone"])
		return f, false
	}
	var wrong string
	if f.From, _, err = moment(o.Text["from"], zone); err != nil {
		wrong = "from"
	}
	var whole bool
	if f.To, whole, err = moment(o.Text["to"], zone); err != nil {
		wrong = "to"
	}
	if wrong != "" {
		l.Fault(o.At, "Invalid date", `%s of freeze is a day or a minute, like "2026-12-20" or "2026-12-20 18:00", not %q.`, wrong, o.Text[wrong])
		return f, false
	}
	if whole {
		f.To = f.To.AddDate(0, 0, 1) // that day is frozen too
	}
	if !f.From.Before(f.To) {
		l.Fault(o.At, "Invalid date", "freeze ends before it begins: from %q to %q.", o.Text["from"], o.Text["to"])
		return f, false
	}
	f.Reason = o.Text["reason"]
	return f, true
}

// moment reads a day or a minute; whole says that it was a day.
func moment(text string, zone *time.Location) (t time.Time, whole bool, err error) {
	if t, err = time.ParseInLocation(dateOnly, text, zone); err == nil {
		return t, true, nil
	}
	t, err = time.ParseInLocation(dateAndTime, text, zone)
	return t, false, err
}
