package config

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
)

// Retention says how long what has ended is kept. The newest twenty runs of every stack, what is applied, and what has not
// ended stay in any case.
type Retention struct {
	Runs    int           // so many runs at most, the oldest go first; default 10,000
	Age     time.Duration // runs that ended longer ago go; default 90 days
	History time.Duration // entries of the history that are older go; default a year
}

// readRetention reads the retention block, if there is one.
func readRetention(l *decode.Reader, b *hcl.Block) Retention {
	r := Retention{}
	a := l.Block(b, shape.Retention())
	l.Whole(a, "runs", &r.Runs)
	l.Duration(a, "age", &r.Age)
	l.Duration(a, "history", &r.History)
	return r
}
