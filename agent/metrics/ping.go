package metrics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/notify/redact"
	"sallyport/notify/webhook"
)

const (
	pingTimeout = 10 * time.Second // of one request
	pingSource  = "ping"
)

// Ping asks for the address of ping_url as long as the agent works, until ctx ends. Nothing waits for an answer.
func (m *Meter) Ping(ctx context.Context) {
	for ctx.Err() == nil {
		changed := m.changes.Next()
		url := m.active.Cfg().PingURL
		if url.IsZero() {
			m.faults.Set(pingSource, nil)
			clock.Sleep(ctx, idle, changed)
			continue
		}
		if why := m.unwell(); why != "" {
			m.log.Debug("ping_url is not asked for", "because", why)
			clock.Sleep(ctx, m.pace.pingAgain, nil)
			continue
		}
		err := m.ping(ctx, url)
		if ctx.Err() == nil && m.faults.Set(pingSource, err) && err != nil {
			m.log.Warn("asking for ping_url", "err", err)
		}
		clock.Sleep(ctx, m.pace.ping+time.Duration(m.jitter()*float64(m.pace.ping/10)), nil)
	}
}

// ping asks once. What comes back but its status is nobody's business.
func (m *Meter) ping(ctx context.Context, url redact.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := webhook.Ask(ctx, m.client, webhook.Target{URL: url, Agent: "sallyport/" + m.version}); err != nil {
		return hint.With(fmt.Errorf("nobody is told that the agent works: %w", err), "look at ping_url; it is asked for again by itself")
	}
	m.pinged.Store(time.Now().UnixNano())
	return nil
}

// unwell says why nobody is to be told that the agent works: its loop does not pass, or the disk or the store takes nothing. What is wrong
// with repositories, Slack or stacks is no matter of this: people are told of it, or its figures tell.
func (m *Meter) unwell() string {
	if why := m.stuck(); why != "" {
		return why
	}
	if err := m.store.Broken(); err != nil {
		return "the store cannot be relied on"
	}
	for _, source := range []string{"store", "disk"} {
		if problem := m.faults.Of(source); problem.Error != "" {
			return source + ": " + problem.Error
		}
	}
	if err := writable(m.active.Cfg().DataDir); err != nil {
		return err.Error()
	}
	return ""
}

// writable tries whether the disk of the data directory takes anything: where nothing happens nothing is written, so that nobody would
// notice.
func writable(dataDir string) (err error) {
	dir := datadir.Scratch(dataDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "ping"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	_, err = f.WriteString("written before each ping\n")
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("trying to write: %w", err)
	}
	return nil
}
