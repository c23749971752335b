// Package active is the configuration in force, with everything that was made of it: the mirrors of repositories, the sites
// that host them, the Slack workspace and who is who in it, the binaries, and the users that terraform runs as.
//
// A reload makes a new [Config] and swaps it in whole, so that nobody ever sees half of two configurations. A pass of the loop
// keeps the one that it began with.
package active

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/terraform/cache"
	"sallyport/store"
)

// Active is the configuration in force with its clients: repositories, sites, Slack, tools and users.
type Active struct {
	health  *health.Health
	journal *journal.Journal
	cache   *cache.Cache
	faults  *health.Faults
	log     *slog.Logger
	now     func() time.Time
	outside Outside
	store   *store.Store
	heard   atomic.Bool // the channels were read once since the start, or Slack refused to let them be read
	Current atomic.Pointer[Config]
}

// Options are what active works with.
type Options struct {
	Health  *health.Health
	Journal *journal.Journal
	Cache   *cache.Cache
	Faults  *health.Faults
	Log     *slog.Logger
	Now     func() time.Time
	Outside Outside
	Store   *store.Store
}

// Listened says that Slack was looked at, or could not be, and whether that is news.
func (a *Active) Listened() (first bool) { return !a.heard.Swap(true) }

// HasListened says whether Slack was looked at since the start, or could not be.
func (a *Active) HasListened() bool { return a.heard.Load() }

// New makes a configuration that is in force once [Active.Current] is set.
func New(o Options) *Active {
	return &Active{
		health: o.Health, journal: o.Journal, cache: o.Cache, faults: o.Faults, log: o.Log, now: o.Now, outside: o.Outside.withDefaults(),
		store: o.Store,
	}
}

// Cfg is the configuration in force.
func (a *Active) Cfg() *config.Config { return a.Current.Load().Cfg }

// ChannelOf is where a stack's messages go.
func ChannelOf(cfg *config.Config, s *config.Stack) string {
	if s != nil && s.Channel != "" {
		return s.Channel
	}
	return cfg.Slack.Channel
}

// ChannelsOf are the channels, as named in the configuration, in which people are asked.
func ChannelsOf(conf *Config) map[string]bool {
	channels := map[string]bool{conf.Cfg.Slack.Channel: true}
	for _, s := range conf.AllStacks() {
		channels[ChannelOf(conf.Cfg, s)] = true
	}
	return channels
}

// StateMark is a digest of where a stack's state lies: repository, directory, workspace and what names the place in the
// backend's configuration. What may be a secret there is left out.
func StateMark(cfg *config.Config, s *config.Stack) string {
	place := ""
	if r := cfg.Repository(s.Repository); r != nil {
		place = gitPlace(r.URL)
	}
	parts := []string{place, s.Dir, s.Workspace}
	for _, key := range []string{
		"bucket", "key", "prefix", "path", "workspace_dir", "workspace_key_prefix", "resource_group_name",
		"storage_account_name", "container_name", "schema_name", "namespace", "secret_suffix",
	} {
		if v, set := s.BackendConfig[key]; set {
			parts = append(parts, key+"="+v.Reveal())
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// gitPlace is a repository's URL without what differs between two ways to the same one: ssh and https, user, port, case
// of the host, .git at the end.
func gitPlace(raw string) string {
	if !strings.Contains(raw, "://") {
		if host, path, found := strings.Cut(raw, ":"); found { // git@host:path
			raw = "ssh://" + host + "/" + path
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return strings.ToLower(u.Hostname()) + "/" + strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
}

// StackNames are the names of all stacks and images of a configuration.
func StackNames(conf *Config) []string {
	var names []string
	for _, s := range conf.AllStacks() {
		names = append(names, s.Name)
	}
	return names
}

// SameHome refuses what a running agent cannot change about itself.
func SameHome(old, now *config.Config) error {
	if old.DataDir != now.DataDir || old.Socket != now.Socket {
		return errors.New("data_dir and socket cannot change while the agent runs; restart it")
	}
	return nil
}
