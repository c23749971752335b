package active

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/notify/slack"
	"sallyport/store"
)

// slackDirectory is what the agent knows of its Slack workspace: who the bot is, which id a channel's name or a person's e-mail
// has. Ids are kept in the store, so that a start without Slack works.
type slackDirectory struct {
	active *Active
	client *slack.Client

	mu       sync.Mutex
	self     *slack.Identity
	channels map[store.Key[Identity]]string
	names    map[string]string    // what people, groups and channels are called, by account; kept in the store
	unknown  map[string]time.Time // accounts that somebody was told of by id, with when Slack may be asked
}

// Identity is a name in the configuration that was resolved to an id once.
type Identity struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

func newSlackDirectory(a *Active, client *slack.Client) *slackDirectory {
	return &slackDirectory{active: a, client: client, channels: map[store.Key[Identity]]string{}, names: map[string]string{}, unknown: map[string]time.Time{}}
}

// Identity is who the bot is.
func (d *slackDirectory) Identity(ctx context.Context) (slack.Identity, error) {
	d.mu.Lock()
	self := d.self
	d.mu.Unlock()
	if self != nil {
		return *self, nil
	}
	got, err := d.client.Identify(ctx)
	if err != nil {
		return slack.Identity{}, err
	}
	d.mu.Lock()
	d.self = &got
	d.mu.Unlock()
	return got, nil
}

// Bot is what the bot is called, so that people are told to type to it what it does as well as a shell; empty while Slack has not
// said.
func (d *slackDirectory) Bot() string {
	if d == nil {
		return ""
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.self == nil {
		return ""
	}
	return d.self.User
}

// ChannelKey keeps the id of a channel.
func ChannelKey(name string) store.Key[Identity] { return store.Key[Identity]("slack/channel/" + name) }

// EmailKey keeps the id of a person whom an e-mail names.
func EmailKey(email string) store.Key[Identity] { return store.Key[Identity]("slack/email/" + email) }

// reask says when a name that was resolved is asked for again.
type reask int

const (
	never     reask = iota // an e-mail stays pinned to the account that it was when it was configured
	eachStart              // a channel may have been deleted and made anew
)

// resolve turns a name into an id: from memory, then from the store, then by asking Slack.
func (d *slackDirectory) resolve(ctx context.Context, key store.Key[Identity], again reask, ask func(context.Context) (string, error)) (string, error) {
	d.mu.Lock()
	id := d.channels[key]
	d.mu.Unlock()
	if id != "" {
		return id, nil
	}
	var kept Identity
	if err := d.active.store.View(func(tx *store.Tx) (err error) {
		kept, _, err = key.Get(tx)
		return err
	}); err != nil {
		return "", err
	}
	if kept.ID == "" || again == eachStart {
		found, err := ask(ctx)
		if err != nil && kept.ID != "" {
			return kept.ID, nil // a start without Slack; asked again next time
		}
		if err != nil {
			return "", err
		}
		kept = Identity{ID: found, At: d.active.now().UTC()}
		if err := d.active.journal.Write(func(tx *journal.Tx) error { return key.Put(tx, kept) }); err != nil {
			return "", err
		}
	}
	d.mu.Lock()
	d.channels[key] = kept.ID
	d.mu.Unlock()
	return kept.ID, nil
}

// Channel is the id of a channel given as id or #name.
func (d *slackDirectory) Channel(ctx context.Context, name string) (string, error) {
	if !strings.HasPrefix(name, "#") {
		return name, nil
	}
	return d.resolve(ctx, ChannelKey(name), eachStart, func(ctx context.Context) (string, error) {
		c, err := d.client.ResolveChannel(ctx, name)
		if err != nil {
			return "", fmt.Errorf("looking for channel %s: %w", name, err)
		}
		return c.ID, nil
	})
}

// allowed reports whether a user is one of the approvers, reading groups fresh: who left the group yesterday must not
// approve today. An error means that it cannot be told, so the vote waits.
//
// An entry that Slack refuses for good (no such account, a missing scope) is nobody's: it must not keep everybody else
// from being heard. It shows in status.
func (d *slackDirectory) allowed(ctx context.Context, user string, approvers []string) (bool, error) {
	for _, entry := range approvers {
		if entry == user {
			return true, nil
		}
	}
	var unknown error
	for _, entry := range approvers {
		switch {
		case strings.Contains(entry, "@"):
			id, err := d.person(ctx, entry)
			if d.cannotTell(entry, err) {
				unknown = errors.Join(unknown, fmt.Errorf("resolving %s: %w", entry, err))
			} else if id == user {
				return true, nil
			}
		case strings.HasPrefix(entry, "S"):
			members, err := d.client.GroupMembers(ctx, entry)
			if d.cannotTell(entry, err) {
				unknown = errors.Join(unknown, fmt.Errorf("reading user group %s: %w", entry, err))
			}
			for _, m := range members {
				if m == user {
					return true, nil
				}
			}
		}
	}
	return false, unknown
}

// doubt says which entries of a list nobody can be matched with now; empty if none.
func (d *slackDirectory) doubt(list []string) string {
	for _, f := range d.active.faults.List() {
		if entry, ok := strings.CutPrefix(f.Source, "slack: approver "); ok && slices.Contains(list, entry) {
			return fmt.Sprintf(" (%s cannot be resolved: %s)", entry, d.active.health.Redact(f.Error))
		}
	}
	return ""
}

// cannotTell reports that an entry of the allow-list may yet turn out to be anybody.
func (d *slackDirectory) cannotTell(entry string, err error) bool {
	var refused *slack.Error
	forGood := errors.As(err, &refused) && slices.Contains([]string{
		"users_not_found", "user_not_found", "no_such_subteam", "plan_upgrade_required", "missing_scope",
	}, refused.Code)
	if err == nil || forGood {
		d.active.faults.Set("slack: approver "+entry, err)
	}
	return err != nil && !forGood
}

// Approvers are who may decide about a stack.
func Approvers(cfg *config.Config, s *config.Stack) []string {
	if s != nil && len(s.Approvers) > 0 {
		return s.Approvers
	}
	if cfg.Slack == nil {
		return nil
	}
	return cfg.Slack.Approvers
}

// NoApprover begins what [slackDirectory.MayDecide] says of whoever is not in the list.
const NoApprover = "you are not one of the approvers"

// MayDecide weighs who somebody is: in the allow-list by id, and an active full member of the workspace. why is for the
// person; an error means that Slack could not tell.
func (d *slackDirectory) MayDecide(ctx context.Context, user string, list []string) (why string, err error) {
	ok, err := d.allowed(ctx, user, list)
	if err != nil {
		return "", err
	}
	if !ok {
		u, err := d.client.User(ctx, user) // a comfort: they are called by name
		if err == nil {
			err = d.learn(map[string]string{"slack:" + u.ID: u.Name})
		}
		if err != nil {
			d.active.log.Debug("asking what somebody is called", "err", err)
		}
		return NoApprover + d.doubt(list), nil
	}
	u, err := d.client.User(ctx, user)
	if err != nil {
		return "", err
	}
	if err := d.learn(map[string]string{"slack:" + u.ID: u.Name}); err != nil {
		return "", err
	}
	if !u.Active() {
		return u.Why(), nil
	}
	self, err := d.Identity(ctx)
	if err != nil {
		return "", err
	}
	if u.TeamID != self.TeamID && (self.EnterpriseID == "" || u.EnterpriseID != self.EnterpriseID) {
		return "your account belongs to another workspace", nil
	}
	return "", nil
}
