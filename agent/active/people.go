package active

import (
	"context"
	"errors"
	"maps"
	"strings"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/people"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

const (
	maxName     = 40  // characters of a name that somebody gave themselves
	maxUnknown  = 100 // accounts that wait to be asked about: texts from outside can name whom they like
	askedAtOnce = 3   // accounts that are asked about in one turn; reading votes comes first
	askAgain    = time.Hour
)

// Names tells what accounts are called in the configuration that is in force now.
func (a *Active) Names() people.Names {
	return func(account string) string {
		if conf := a.Current.Load(); conf != nil {
			return conf.Name(account)
		}
		return ""
	}
}

// KeepPeople keeps for the time when no agent runs what the accounts of person blocks are called.
func (a *Active) KeepPeople(conf *Config) error {
	now := map[string]string{}
	var kept map[string]string
	for _, p := range conf.Cfg.People {
		for place, id := range p.Accounts() {
			now[place+":"+id] = p.Name
		}
	}
	if err := a.store.View(func(tx *store.Tx) (err error) {
		kept, _, err = people.PersonsSetting.Get(tx)
		return err
	}); err != nil || maps.Equal(now, kept) {
		return err
	}
	err := a.journal.Write(func(tx *journal.Tx) error { return people.PersonsSetting.Put(tx, now) })
	if errors.Is(err, store.ErrFull) {
		return nil // an agent starts without, and keeps them at its next start
	}
	return err
}

// Name is what people call an account: the name of its person block, else what Slack calls it. It is empty where nobody knows,
// and asks nobody: [slackDirectory.Learn] does later.
func (conf *Config) Name(account string) string {
	place, id, _ := strings.Cut(account, ":")
	for _, p := range conf.Cfg.People {
		if place == "slack" && p.Slack == id || place == "cli" && p.OS == id || p.Login(place) != "" && strings.EqualFold(p.Login(place), id) {
			return p.Name
		}
	}
	if place != "slack" || conf.Directory == nil {
		return ""
	}
	name := conf.Directory.name(account)
	for _, p := range conf.Cfg.People {
		if strings.EqualFold(p.Name, name) { // in Slack people call themselves what they like
			return name + " (" + id + ")"
		}
	}
	return name
}

// LearnNames asks Slack what people are called whose approval may be waited for, and whom somebody was told of by id.
func (conf *Config) LearnNames(ctx context.Context) error {
	if conf.Directory == nil {
		return nil
	}
	for _, s := range conf.AllStacks() {
		for _, entry := range Approvers(conf.Cfg, s) {
			if strings.Contains(entry, "@") {
				conf.Directory.wonder(entry)
			} else {
				conf.Name("slack:" + entry)
			}
		}
	}
	return conf.Directory.Learn(ctx)
}

// WaitsFor are those of a stack's approvers who can give the next approval of a run, as accounts (slack:U01, slack:S01 for a user
// group) or e-mail addresses.
func (conf *Config) WaitsFor(run *store.Run, s *config.Stack) []string {
	given := map[string]bool{}
	for _, d := range run.Decisions {
		if votes.Counts(run, d) && d.Verdict == store.Approve {
			given[d.Person] = true
		}
	}
	out := []string{}
	for _, entry := range Approvers(conf.Cfg, s) {
		account := conf.AccountOf(entry)
		person := votes.PersonOf(conf.Cfg.People, account)
		if given[person] || !s.AllowSelfApproval && strings.HasPrefix(account, "slack:U") && votes.NotOwn(conf.Cfg.People, run, account, person) != nil {
			continue
		}
		out = append(out, account)
	}
	return out
}

// AccountOf is the account that an entry of a list of people means: an id of a person or a group in Slack, or an e-mail address,
// which it stays until Slack has said whose it is.
func (conf *Config) AccountOf(entry string) string {
	if !strings.Contains(entry, "@") {
		return "slack:" + entry
	}
	if id := conf.Directory.known(EmailKey(entry)); id != "" {
		return "slack:" + id
	}
	return entry
}

// known is the id that a name of the configuration was resolved to, as far as memory knows.
func (d *slackDirectory) known(key store.Key[Identity]) string {
	if d == nil {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.channels[key]
}

// name is what Slack calls an account; empty if it was not asked yet, which it then is soon. Of two with one name both have the
// id beside it.
func (d *slackDirectory) name(account string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, id, _ := strings.Cut(account, ":")
	for key, channel := range d.channels {
		if name, ok := strings.CutPrefix(string(key), string(ChannelKey(""))); ok && channel == id {
			return name
		}
	}
	name := d.names[account]
	if name == "" {
		if _, asked := d.unknown[account]; !asked && len(d.unknown) < maxUnknown {
			d.unknown[account] = time.Time{}
		}
		return ""
	}
	for other, same := range d.names {
		if other != account && strings.EqualFold(same, name) {
			return name + " (" + id + ")"
		}
	}
	return name
}

// wonder has it asked soon whose account an e-mail address is, unless that is known.
func (d *slackDirectory) wonder(email string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, asked := d.unknown[email]; d.channels[EmailKey(email)] == "" && !asked && len(d.unknown) < maxUnknown {
		d.unknown[email] = time.Time{}
	}
}

// person is the account of an e-mail address.
func (d *slackDirectory) person(ctx context.Context, email string) (string, error) {
	return d.resolve(ctx, EmailKey(email), never, func(ctx context.Context) (string, error) {
		u, err := d.client.UserByEmail(ctx, email)
		if err == nil {
			err = d.learn(map[string]string{"slack:" + u.ID: u.Name})
		}
		return u.ID, err
	})
}

// recall reads what accounts were called when Slack was asked last.
func (d *slackDirectory) recall() error {
	var kept map[string]string
	err := d.active.store.View(func(tx *store.Tx) (err error) {
		kept, _, err = people.SlackSetting.Get(tx)
		return err
	})
	if kept == nil {
		kept = map[string]string{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names = kept
	return err
}

// Learn asks Slack what accounts are called that somebody was told of by id, a few at a time. A name is a comfort: a rate limit, a
// refusal or an answer that is lost leaves the id, and is tried again in an hour.
func (d *slackDirectory) Learn(ctx context.Context) error {
	d.mu.Lock()
	var ask []string
	for account, notBefore := range d.unknown {
		if len(ask) < askedAtOnce && !d.active.now().Before(notBefore) {
			ask = append(ask, account)
		}
	}
	d.mu.Unlock()
	news := map[string]string{}
	for _, account := range ask {
		d.mu.Lock()
		d.unknown[account] = d.active.now().Add(askAgain)
		d.mu.Unlock()
		if strings.Contains(account, "@") {
			if _, err := d.person(ctx, account); err == nil {
				d.mu.Lock()
				delete(d.unknown, account)
				d.mu.Unlock()
			} else if _, limited := slack.RetryAfter(err); limited {
				return d.learn(news)
			}
			continue
		}
		_, id, _ := strings.Cut(account, ":")
		switch id[:min(1, len(id))] {
		case "U", "W":
			if u, err := d.client.User(ctx, id); err == nil {
				news[account] = u.Name
			} else if _, limited := slack.RetryAfter(err); limited {
				return d.learn(news)
			}
		case "S":
			groups, err := d.client.Groups(ctx)
			if err == nil {
				for _, g := range groups {
					news["slack:"+g.ID] = g.Name
				}
			}
		case "C", "G":
			if c, err := d.client.ResolveChannel(ctx, id); err == nil {
				news[account] = "#" + c.Name
			}
		}
	}
	return d.learn(news)
}

// learn keeps what accounts are called, if that is news.
func (d *slackDirectory) learn(news map[string]string) error {
	d.mu.Lock()
	changed := false
	for account, name := range news {
		name = words.Cut(strings.TrimSpace(strings.NewReplacer("<", "", ">", "", ":", " ", "@", "").Replace(name)), maxName)
		if name == "" {
			continue
		}
		changed = changed || d.names[account] != name
		d.names[account] = name
		delete(d.unknown, account)
	}
	all := maps.Clone(d.names)
	d.mu.Unlock()
	if !changed {
		return nil
	}
	err := d.active.journal.Write(func(tx *journal.Tx) error { return people.SlackSetting.Put(tx, all) })
	if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrTooLarge) {
		return nil // in memory it is; a name is not worth a fault
	}
	return err
}
