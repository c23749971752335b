// Package metrics hands out figures of the agent: to whoever asks at the address of the metrics block, in a file for node_exporter, and
// as one request a minute that says nothing but that the agent works (ping_url).
//
// # Nothing waits for it
//
// The facts are read in one transaction that only reads, beside the loop, and what runs and applies do is counted from the history
// (package exposition). Whoever asks gets an answer within a deadline, and two at a time make others wait. What cannot be served,
// written or reached is a problem in `sallyport status` and no more; only at the start a port that is taken is an error, as the
// socket is.
//
// # What ends with the agent
//
// The file is removed when the agent stops in good order, or writes another: figures that nobody stands behind any more would be read as
// true. After a crash it stays, and its age tells (node_textfile_mtime_seconds). The ping is left out as soon as the loop does not pass
// any more or the disk takes nothing: that is what the service behind it waits for.
package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sallyport/agent/active"
	"sallyport/agent/bell"
	"sallyport/agent/contain"
	"sallyport/agent/health"
	"sallyport/agent/housekeeping"
	"sallyport/agent/metrics/exposition"
	"sallyport/agent/outbox"
	"sallyport/agent/status"
	"sallyport/agent/view"
	"sallyport/agent/workers"
	"sallyport/notify/webhook"
	"sallyport/store"
)

const (
	atOnce      = 2                   // readings of the store for figures
	readWithin  = 10 * time.Second    // one of them
	loopPasses  = 2 * outbox.IdlePass // the loop has passed within this time, or is stuck
	storeSource = "metrics: store"    // of the problem that figures cannot be read
)

// Meter hands out figures.
type Meter struct {
	health   *health.Health
	active   *active.Active
	faults   *health.Faults
	viewer   *view.Viewer
	work     *workers.Pool
	changes  *bell.Broadcast
	polls    *active.PollTimes
	log      *slog.Logger
	now      func() time.Time
	room     func(dir string) (housekeeping.Room, error)
	jitter   func() float64
	store    *store.Store
	version  string
	lastPass *atomic.Int64

	exporter *exposition.Exporter
	readers  chan struct{} // holds a value for each reading under way
	client   *http.Client  // of pings
	pinged   atomic.Int64  // unix nanoseconds; 0: never

	pace    pace
	serving *serving // nil: nothing listens; the loop's own
	failed  failure  // to listen; the loop's own
}

// pace is how often things are done.
type pace struct {
	file, fileRest  time.Duration // the textfile is written at least and at most so often
	ping, pingAgain time.Duration // ping_url is asked for, and the agent looked at again when something was wrong with it
	listen          time.Duration // an address that could not be had is tried again
}

// Options are what a meter works with.
type Options struct {
	Health   *health.Health
	Active   *active.Active
	Faults   *health.Faults
	Viewer   *view.Viewer
	Work     *workers.Pool
	Changes  *bell.Broadcast
	Polls    *active.PollTimes
	Log      *slog.Logger
	Now      func() time.Time
	Room     func(dir string) (housekeeping.Room, error)
	Jitter   func() float64
	Store    *store.Store
	Version  string
	LastPass *atomic.Int64 // unix nanoseconds: when the loop passed
}

// New makes what hands out figures. What ends from here on is counted.
func New(o Options) *Meter {
	return &Meter{
		health: o.Health, active: o.Active, faults: o.Faults, viewer: o.Viewer, work: o.Work, changes: o.Changes, polls: o.Polls, log: o.Log,
		now: o.Now, room: o.Room, jitter: o.Jitter, store: o.Store, version: o.Version, lastPass: o.LastPass,
		exporter: exposition.New(exposition.Options{Store: o.Store, Redact: o.Health.Redact}),
		readers:  make(chan struct{}, atOnce), client: webhook.NewClient(),
		pace: pace{file: 15 * time.Second, fileRest: 5 * time.Second, ping: time.Minute, pingAgain: 5 * time.Second, listen: 30 * time.Second},
	}
}

// errBusy is that of figures which cannot be read in time.
var errBusy = errors.New("the figures cannot be read in time: try again later")

// gather reads everything once, within a deadline. What takes longer goes on, and counts among the readings under way until it ends.
func (m *Meter) gather(ctx context.Context) (prometheus.Gatherer, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	select {
	case m.readers <- struct{}{}:
	case <-ctx.Done():
		return nil, errBusy
	}
	type result struct {
		gatherer prometheus.Gatherer
		err      error
	}
	read := make(chan result, 1)
	contain.Go("reading metrics", func(p *contain.Panic) {
		m.health.LogPanic(p)
		read <- result{err: errors.New("a fault in sallyport itself; its log tells more")}
	}, func() {
		defer func() { <-m.readers }()
		g, err := m.exporter.Gatherer(m.facts())
		read <- result{g, err}
	})
	select {
	case r := <-read:
		return r.gatherer, r.err
	case <-ctx.Done():
		return nil, errBusy
	}
}

// facts looks at everything once. Where the store cannot be read there is what the process knows.
func (m *Meter) facts() (f exposition.Facts) {
	conf := m.active.Current.Load()
	glance := m.viewer.Process(conf)
	err := m.store.View(func(tx *store.Tx) (err error) {
		if f, err = exposition.Read(tx, glance); err != nil {
			return err
		}
		return m.exporter.Count(tx, f)
	})
	if err != nil {
		f = exposition.Facts{}
	}
	if m.faults.Set(storeSource, err) && err != nil {
		m.log.Error("reading the store for metrics", "err", err)
	}
	f.Process = m.process(conf, glance)
	if conf.Cfg.Slack == nil {
		for i := range f.Queues {
			if f.Queues[i].Receiver == exposition.ToSlack {
				f.Queues[i].Receiver = exposition.ToLog
			}
		}
	}
	return f
}

// process is what only the process knows.
func (m *Meter) process(conf *active.Config, glance *status.Process) exposition.Process {
	p := exposition.Process{
		Version: m.version, LastPass: unixNano(m.lastPass.Load()), Panics: m.health.Panics(), Leader: true, Pinged: unixNano(m.pinged.Load()),
		Pools: []exposition.Pool{
			{Name: "terraform", Used: m.work.Count(), Limit: conf.Cfg.Terraform.Parallel},
			{Name: "packer", Used: m.work.Builds(), Limit: conf.Cfg.Packer.Parallel},
		},
		Receivers: []string{exposition.ToLog},
	}
	if conf.Cfg.Slack != nil {
		p.Receivers = []string{exposition.ToSlack}
	}
	if len(conf.Sites) > 0 {
		p.Receivers = append(p.Receivers, exposition.ToSite)
	}
	for _, r := range conf.Cfg.Notify {
		p.Receivers = append(p.Receivers, exposition.ToNotify(r.Name))
	}
	for _, r := range conf.Cfg.Repositories {
		tried, failed := m.polls.Counts(r.Name)
		p.Polls = append(p.Polls, exposition.Polls{Repository: r.Name, Tried: tried, Failed: failed})
	}
	for _, problem := range glance.Problems {
		p.Problems = append(p.Problems, problem.Source)
	}
	if info, err := os.Stat(m.store.Path()); err == nil {
		p.StoreSize = info.Size()
	}
	if room, err := m.room(conf.Cfg.DataDir); err == nil {
		p.Room = exposition.Room{Free: room.Free, Total: room.Total}
	}
	return p
}

func unixNano(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// stuck says why the agent does not work: empty if it does.
func (m *Meter) stuck() string {
	last := unixNano(m.lastPass.Load())
	if last.IsZero() {
		return "the agent has not looked at everything yet"
	}
	if ago := time.Since(last); ago >= loopPasses {
		return fmt.Sprintf("the agent has not looked at everything for %s", ago.Round(time.Second))
	}
	return ""
}
