package exposition

import (
	"cmp"
	"slices"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/status"
	"sallyport/store"
)

// Facts are an agent at one moment: what `sallyport status` tells of it, and what only machines want to know. The zero value of a time
// says that there is none.
type Facts struct {
	Process Process
	Status  *control.Status // what the store says; nil: it cannot be read
	Open    []*store.Run    // every run that has not ended
	Queues  []Queue
}

// Process is what the process knows and its store does not.
type Process struct {
	Version   string
	LastPass  time.Time // of the loop
	Panics    int64     // that were caught since the start
	Leader    bool      // this agent polls, plans and applies
	Pinged    time.Time // when ping_url answered last
	StoreSize int64     // bytes
	Room      Room
	Pools     []Pool
	Polls     []Polls
	// Receivers are who can be owed something: slack or log, site, and notify/NAME of each notify block.
	Receivers []string
	// Problems are the sources of all that fails now; what a repository fails with is among them.
	Problems []string
}

// Room is what the file system of the data directory has, in bytes; nothing at all where nobody can tell.
type Room struct{ Free, Total uint64 }

// Pool is how many can be at work at a time, and how many are.
type Pool struct {
	Name        string
	Used, Limit int
}

// Polls are how often a repository was asked for its newest commit since the start, and how often it gave no answer.
type Polls struct {
	Repository    string
	Tried, Failed int
}

// Queue is what one receiver was not told yet.
type Queue struct {
	Receiver string
	Length   int
	Oldest   time.Time
}

// Read looks at the store once, in the one transaction that a status is read in.
func Read(tx *store.Tx, glance *status.Process) (f Facts, err error) {
	g, err := status.Read(tx, glance)
	if err != nil {
		return Facts{}, err
	}
	answer := g.Answer()
	f.Status = &answer
	if f.Open, err = tx.OpenRuns(); err != nil {
		return Facts{}, err
	}
	waiting, err := tx.Outbox()
	if err != nil {
		return Facts{}, err
	}
	f.Queues = queues(waiting)
	return f, nil
}

// The receivers that are no notify blocks.
const (
	ToSlack  = "slack"
	ToLog    = "log" // in the place of Slack
	ToSite   = "site"
	toNotify = "notify/"
)

// ToNotify is the receiver of a notify block.
func ToNotify(name string) string { return toNotify + name }

// queues sorts the outbox by who is to be told.
func queues(outbox []*store.Message) []Queue {
	found := map[string]*Queue{}
	for _, m := range outbox {
		name := ToSlack
		switch {
		case m.Kind.ForSite():
			name = ToSite
		case m.Kind.ForReceiver() && m.Word != nil:
			name = ToNotify(m.Word.Receiver)
		}
		q := found[name]
		if q == nil {
			q = &Queue{Receiver: name, Oldest: m.CreatedAt}
			found[name] = q
		}
		q.Length++
		if m.CreatedAt.Before(q.Oldest) {
			q.Oldest = m.CreatedAt
		}
	}
	var out []Queue
	for _, q := range found {
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b Queue) int { return cmp.Compare(a.Receiver, b.Receiver) })
	return out
}
