// Package exposition makes figures of an agent, in Prometheus' words.
//
// [Read] takes the facts from the store in the transaction in which a status is read, so that no figure says otherwise than `sallyport
// status`; [Tally] counts what ended since the agent's start; [Exporter.Gatherer] makes the families of both, with those of Go and of
// the process. [Names] lists them all.
//
// Labels hold names of stacks, repositories and receivers, and words of lists in this program: no commit, no person, no address, no
// text of anybody's. What is secret is taken out of names all the same, and long ones are cut, see [store.ShortName].
package exposition

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"sallyport/agent/control"
	"sallyport/store"
)

// longestLabel is how much of a name there is in a label, in bytes.
const longestLabel = 64

// Exporter makes families of facts.
type Exporter struct {
	tally  *Tally
	label  func(string) string
	always *prometheus.Registry // of what keeps its own state
}

// Options are what an exporter works with.
type Options struct {
	Store  *store.Store
	Redact func(string) string // takes secrets out of a text
}

// New begins to count.
func New(o Options) *Exporter {
	label := func(name string) string {
		return store.ShortName(strings.ToValidUTF8(o.Redact(name), "?"), longestLabel)
	}
	e := &Exporter{tally: NewTally(o.Store, label), label: label, always: prometheus.NewRegistry()}
	e.tally.Register(e.always)
	e.always.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return e
}

// Count brings the counts up to date, in the transaction in which facts are read.
func (e *Exporter) Count(tx *store.Tx, f Facts) error {
	var names []string
	for _, s := range f.Status.Stacks {
		names = append(names, s.Name)
	}
	return e.tally.Read(tx, names)
}

// Gatherer gives all families of some facts.
func (e *Exporter) Gatherer(f Facts) (prometheus.Gatherer, error) {
	once := prometheus.NewRegistry()
	if err := once.Register(e.snapshot(f)); err != nil {
		return nil, err
	}
	return prometheus.Gatherers{e.always, once}, nil
}

// Write writes what a gatherer has as text.
func Write(w io.Writer, g prometheus.Gatherer) error {
	families, err := g.Gather()
	if err != nil {
		return fmt.Errorf("gathering metrics: %w", err)
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return fmt.Errorf("writing metrics: %w", err)
		}
	}
	return nil
}

// snapshot is the series of one moment. They are made before a registry asks for them: it does so in goroutines of its own, in which
// nobody could catch a panic.
type snapshot struct {
	label  func(string) string
	descs  map[string]*prometheus.Desc
	kinds  map[string]prometheus.ValueType
	series []prometheus.Metric
	seen   map[string]bool
}

// Describe implements prometheus.Collector.
func (s *snapshot) Describe(to chan<- *prometheus.Desc) {
	for _, d := range s.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (s *snapshot) Collect(to chan<- prometheus.Metric) {
	for _, m := range s.series {
		to <- m
	}
}

func (e *Exporter) snapshot(f Facts) *snapshot {
	s := &snapshot{label: e.label, descs: map[string]*prometheus.Desc{}, kinds: map[string]prometheus.ValueType{}, seen: map[string]bool{}}
	for _, g := range gauges() {
		s.descs[g.name], s.kinds[g.name] = g.desc(), g.kind()
	}
	s.process(f.Process)
	s.yes("store_readable", f.Status != nil)
	if f.Status != nil {
		s.agent(f)
		s.repositories(f.Status.Repositories)
		s.queues(f)
		s.openRuns(f.Open)
		for _, st := range f.Status.Stacks {
			s.stack(st)
		}
		s.backups(f.Status.Agent.Backup)
	}
	return s
}

// add makes a series. Two names that are one after they were cut are one series, of the first: a registry would refuse them all.
func (s *snapshot) add(name string, value float64, labels ...string) {
	for i := range labels {
		labels[i] = s.label(labels[i])
	}
	key := name + "\x00" + strings.Join(labels, "\x00")
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	m, err := prometheus.NewConstMetric(s.descs[name], s.kinds[name], value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(s.descs[name], err)
	}
	s.series = append(s.series, m)
}

func (s *snapshot) yes(name string, is bool, labels ...string) {
	value := 0.0
	if is {
		value = 1
	}
	s.add(name, value, labels...)
}

// moment makes a series of a time; none of one that never was.
func (s *snapshot) moment(name string, at *time.Time, labels ...string) {
	if at != nil && !at.IsZero() {
		s.add(name, float64(at.UnixMilli())/1000, labels...)
	}
}

func (s *snapshot) process(p Process) {
	s.add("build_info", 1, p.Version, runtime.Version())
	s.yes("leader", p.Leader)
	s.moment("loop_last_pass_timestamp_seconds", &p.LastPass)
	s.add("panics_caught_total", float64(p.Panics))
	s.moment("ping_last_success_timestamp_seconds", &p.Pinged)
	s.add("store_size_bytes", float64(p.StoreSize))
	if p.Room.Total > 0 {
		s.add("disk_free_bytes", float64(p.Room.Free))
		s.add("disk_size_bytes", float64(p.Room.Total))
	}
	for _, pool := range p.Pools {
		s.add("slots", float64(pool.Limit), pool.Name)
		s.add("slots_used", float64(pool.Used), pool.Name)
	}
	for _, r := range p.Polls {
		s.add("polls_total", float64(r.Tried), r.Repository)
		s.add("poll_errors_total", float64(r.Failed), r.Repository)
	}
	problems := map[string]int{other: 0}
	for _, subject := range subjects() {
		problems[subject] = 0
	}
	for _, source := range p.Problems {
		problems[subjectOf(source)]++
	}
	for subject, n := range problems {
		s.add("problems", float64(n), subject)
	}
	s.yes("config_last_reload_successful", problems["configuration"] == 0)
}

func (s *snapshot) agent(f Facts) {
	s.yes("paused", f.Status.Agent.Paused)
	s.add("unreviewed_runs", float64(len(f.Status.Unreviewed)))
}

func (s *snapshot) repositories(all []control.Repository) {
	for _, r := range all {
		s.moment("repository_last_poll_timestamp_seconds", r.PolledAt, r.Name)
		s.yes("repository_failing", r.ErrorAt != nil, r.Name) // an error without it is why the repository is held
		s.yes("repository_held", r.HeldHead != "", r.Name)
	}
}

func (s *snapshot) queues(f Facts) {
	for _, q := range f.Queues {
		s.add("outbox_messages", float64(q.Length), q.Receiver)
		s.moment("outbox_oldest_timestamp_seconds", &q.Oldest, q.Receiver)
	}
	for _, name := range f.Process.Receivers {
		s.add("outbox_messages", 0, name) // of those above there is one already
	}
}

func (s *snapshot) openRuns(open []*store.Run) {
	type group struct {
		stack, kind, status string
	}
	counts := map[group]int{}
	waiting := 0
	var oldest time.Time
	for _, run := range open {
		counts[group{run.Stack, string(run.Kind), string(run.Status)}]++
		if run.Status != store.Planned {
			continue
		}
		if waiting++; oldest.IsZero() || run.PlannedAt.Before(oldest) {
			oldest = run.PlannedAt
		}
	}
	for g, n := range counts {
		s.add("open_runs", float64(n), g.stack, g.kind, g.status)
	}
	s.add("waiting_approvals", float64(waiting))
	s.moment("waiting_approvals_oldest_timestamp_seconds", &oldest)
}

func (s *snapshot) stack(st control.Stack) {
	success := st.AppliedAt
	if st.CheckedAt != nil && (success == nil || st.CheckedAt.After(*success)) {
		success = st.CheckedAt
	}
	s.moment("stack_last_success_timestamp_seconds", success, st.Name)
	s.yes("stack_behind", st.Behind != 0, st.Name)
	s.yes("stack_needs_look", st.Look != nil, st.Name)
	s.yes("stack_paused", st.Paused, st.Name)
	s.yes("stack_held", st.Pin != nil || st.LeftLock != nil || st.Occupied != nil || st.Run != nil && !st.Run.Status.Terminal() && st.Run.Held != "", st.Name)
	s.yes("stack_without_runs", st.Error != "", st.Name)
	d := st.Drift
	if d == nil {
		return
	}
	s.moment("stack_drift_check_timestamp_seconds", d.CheckedAt, st.Name)
	s.yes("stack_drift_check_failing", d.Error != "", st.Name)
	s.add("stack_drifted_objects", float64(d.Gone+d.Changed+d.Config+d.Outputs), st.Name)
	s.moment("stack_drift_since_timestamp_seconds", d.Since, st.Name)
}

func (s *snapshot) backups(b *control.Backups) {
	s.yes("backup_configured", b != nil)
	if b == nil {
		return
	}
	s.yes("backup_failing", b.Error != "")
	s.moment("backup_last_success_timestamp_seconds", b.At)
	if b.Verified {
		s.moment("backup_last_verified_timestamp_seconds", b.At)
	}
	if b.At != nil {
		s.add("backup_size_bytes", float64(b.Bytes))
	}
}
