// Package health is what is wrong now, and what nobody may read.
//
// [Faults] are shown in `sallyport status` until they are over; a restart finds them again by itself. A panic in the work for
// one thing is that thing's fault ([Health.Contained]): the work is tried again, and held at the third time. Every text that
// comes from outside goes through [Health.Redact] before it is stored, logged or sent, and so does every record of the log.
package health

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/agent/bell"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/notify/people"
	"sallyport/notify/redact"
)

// Health is what is wrong now, with which secrets are kept out of every word that leaves the agent.
type Health struct {
	bell     *bell.Bell
	faults   *Faults
	log      *slog.Logger
	strikes  *Strikes
	redactor atomic.Pointer[redact.Redactor]
	secrets  secrets
	names    atomic.Pointer[people.Names]
	panics   atomic.Int64
}

// Options are what health works with.
type Options struct {
	Bell    *bell.Bell
	Faults  *Faults
	Strikes *Strikes
	Log     *slog.Logger // into which nothing goes but what was redacted
	Secrets []redact.Secret
}

// New makes the record of what is wrong.
func New(o Options) *Health {
	a := &Health{bell: o.Bell, faults: o.Faults, strikes: o.Strikes}
	a.Hide(o.Secrets)
	a.log = slog.New(redactHandler{next: nameHandler{next: o.Log.Handler(), names: &a.names}, redactor: &a.redactor})
	return a
}

// Call has the log name people from now on. names must not log and not read the store: records are written in its transactions.
func (h *Health) Call(names people.Names) { h.names.Store(&names) }

// Hide makes values secret from now on, in every text and in the log.
func (h *Health) Hide(secrets []redact.Secret) { h.redactor.Store(h.secrets.keep(secrets)) }

// HideMinted makes a token secret that was made for the agent.
func (h *Health) HideMinted(token redact.Secret) {
	if r := h.secrets.mint(token); r != nil {
		h.redactor.Store(r)
	}
}

// Logger is the log that shows no secret.
func (h *Health) Logger() *slog.Logger { return h.log }

// Redact takes secrets and control bytes out of a text from outside.
func (h *Health) Redact(s string) string {
	if fault.Without("redaction") {
		return redact.Clean(s)
	}
	return h.redactor.Load().Text(s)
}

// Problem is something that is wrong now and that people should see in `sallyport status`.
type Problem struct {
	Source string
	Error  string
	Hint   string
	Since  time.Time
}

// Faults are the things that are wrong now, by source. They are not stored: a restart finds them again by itself.
type Faults struct {
	mu  sync.Mutex
	now func() time.Time
	m   map[string]Problem
}

// NewFaults begins without any.
func NewFaults(now func() time.Time) *Faults { return &Faults{now: now, m: map[string]Problem{}} }

// Set records that source fails, or with a nil error that it works again. It reports whether that is news.
func (f *Faults) Set(source string, err error) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, was := f.m[source]
	if err == nil {
		delete(f.m, source)
		return was
	}
	now := Problem{Source: source, Error: err.Error(), Hint: hint.Of(err), Since: f.now().UTC()}
	if was {
		now.Since = before.Since
	}
	f.m[source] = now
	return !was || before.Error != now.Error
}

// Of is what is wrong with a source now; nothing if all is well.
func (f *Faults) Of(source string) Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.m[source]
}

// List returns what is wrong, by source.
func (f *Faults) List() []Problem {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Problem, 0, len(f.m))
	for _, v := range f.m {
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Source < out[j].Source })
	return out
}

// redactHandler takes secrets out of log records with the redactor in force: a reload may bring new secrets, so it
// cannot be fixed when the logger is made.
type redactHandler struct {
	next     slog.Handler
	redactor *atomic.Pointer[redact.Redactor]
}

func (h redactHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h redactHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.redactor.Load().Handler(h.next).Handle(ctx, r)
}

// WithAttrs keeps the attributes unredacted in next only after they passed the redactor in force now.
func (h redactHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactHandler{next: h.redactor.Load().Handler(h.next).WithAttrs(attrs), redactor: h.redactor}
}

func (h redactHandler) WithGroup(name string) slog.Handler {
	return redactHandler{next: h.next.WithGroup(name), redactor: h.redactor}
}

// minSilenced is the length in bytes below which a value that a person gave is no secret: "true" and "t3" stand everywhere, and
// plans without them could not be read any more.
const minSilenced = 6

// Silence makes the values that people gave secrets, from before anybody could read them.
func (h *Health) Silence(vars map[string]string) { h.SilenceValues(slices.Collect(maps.Values(vars))) }

// SilenceValues does so with values that have other names, or none.
func (h *Health) SilenceValues(values []string) {
	var secrets []redact.Secret
	for _, value := range values {
		if len(value) >= minSilenced {
			secrets = append(secrets, redact.NewSecret(value))
		}
	}
	if secrets = h.secrets.news(secrets); len(secrets) > 0 {
		h.Hide(secrets)
	}
}

// Tightness remembers whether there is too little room; the loop's own.
type Tightness struct {
	Why  string // empty while there is enough
	Told bool
}

// maxMinted is how many tokens that were made for us are remembered. Each lasts an hour; what was printed in it may be
// shown later.
const maxMinted = 24

// secrets are all values that nobody may see.
type secrets struct {
	mu     sync.Mutex
	kept   []redact.Secret // of every configuration that was in force: old logs and applies that run still print them
	minted []redact.Secret // made for us, newest last
}

// keep adds the secrets of a configuration and returns the redactor for all.
func (s *secrets) keep(more []redact.Secret) *redact.Redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(slices.Clip(s.kept), more...)
	return s.redactor()
}

// news are the secrets that are not known yet.
func (s *secrets) news(of []redact.Secret) []redact.Secret {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(of, func(one redact.Secret) bool { return slices.Contains(s.kept, one) })
}

// mint adds a token that was made for us and returns the redactor for all; nil if it is known.
func (s *secrets) mint(token redact.Secret) *redact.Redactor {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token.IsZero() || slices.Contains(s.minted, token) || slices.Contains(s.kept, token) {
		return nil
	}
	s.minted = append(s.minted[max(0, len(s.minted)-maxMinted+1):len(s.minted):len(s.minted)], token)
	return s.redactor()
}

func (s *secrets) redactor() *redact.Redactor {
	return redact.New(append(slices.Clip(s.kept), s.minted...)...)
}
