package agent

import (
	"strconv"
	"strings"
	"time"
)

// slackTime is a time as Slack writes it in a ts.
func slackTime(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + ".000000"
}

// timeOf reads a ts as a time; ts are compared as text, never as numbers with a fraction.
func timeOf(ts string) time.Time {
	seconds, micros, _ := strings.Cut(ts, ".")
	s, _ := strconv.ParseInt(seconds, 10, 64)
	us, _ := strconv.ParseInt((micros + "000000")[:6], 10, 64)
	return time.Unix(s, us*1000).UTC()
}

// laterTS reports whether ts a is after b.
func laterTS(a, b string) bool {
	as, af, _ := strings.Cut(a, ".")
	bs, bf, _ := strings.Cut(b, ".")
	if len(as) != len(bs) {
		return len(as) > len(bs)
	}
	if as != bs {
		return as > bs
	}
	return af > bf
}
