package words

import (
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Instant is a moment as people read it, to the minute.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }

// Ago is how long ago a moment is, or how long until then: "3 minutes ago", "24 hours from now", "now", and "never" for none. What is
// to come is rounded and not cut, and to the minute where it is near: a plan that is good for a day is not good for 23 hours.
func Ago(t, now time.Time) string {
	switch d := t.Sub(now); {
	case t.IsZero():
		return "never"
	case d > -time.Second && d < time.Second:
		return "now"
	case d >= time.Minute && d < 2*time.Hour:
		return Duration(d) + " from now"
	case d >= 2*time.Hour && d < 48*time.Hour:
		return Count(int(d.Round(time.Hour).Hours()), "hour") + " from now"
	case d >= 48*time.Hour && d < 14*24*time.Hour:
		return Count(int(d.Round(24*time.Hour).Hours()/24), "day") + " from now"
	}
	return humanize.RelTime(t, now, "ago", "from now")
}

// For is since when something lasts, as how long: "for 3 minutes". It stands where "since" would, with which "3 minutes ago" does
// not go together. A moment that is not past reads "just now".
func For(t, now time.Time) string {
	if d := now.Sub(t); t.IsZero() || d < time.Second {
		return "just now"
	}
	return "for " + humanize.RelTime(t, now, "", "")
}

// Duration is a duration in hours and minutes, a minute at the least.
func Duration(d time.Duration) string {
	minutes := max(1, int(d.Round(time.Minute).Minutes()))
	switch {
	case minutes < 60:
		return Count(minutes, "minute")
	case minutes%60 == 0:
		return Count(minutes/60, "hour")
	}
	return Count(minutes/60, "hour") + " " + Count(minutes%60, "minute")
}

// Age is about how long something lasts: days, or hours and minutes if it is less than two.
func Age(d time.Duration) string {
	if days := int(d.Hours() / 24); days > 1 {
		return Count(days, "day")
	}
	return Duration(d.Truncate(time.Minute))
}

// Span is how long something took or may take, to the second: "3 minutes 7 seconds", "4.2 seconds", "less than a second".
func Span(d time.Duration) string {
	switch d = d.Abs(); {
	case d == 0:
		return "0 seconds"
	case d < 50*time.Millisecond:
		return "less than a second"
	case d < 10*time.Second:
		d = d.Round(100 * time.Millisecond)
		text := strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
		if text == "1" {
			return "1 second"
		}
		return text + " seconds"
	}
	seconds := int(d.Round(time.Second).Seconds())
	var parts []string
	for _, part := range []struct {
		n    int
		noun string
	}{{seconds / 3600, "hour"}, {seconds / 60 % 60, "minute"}, {seconds % 60, "second"}} {
		if part.n > 0 {
			parts = append(parts, Count(part.n, part.noun))
		}
	}
	return strings.Join(parts, " ")
}
