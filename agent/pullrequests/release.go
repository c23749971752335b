package pullrequests

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/agent/operator"
	"sallyport/notify/forge"
	"sallyport/notify/words"
	"sallyport/store"
)

// release is an approver's word that a stack of a pull request is to be planned though it changes what it must not by itself.
var release = regexp.MustCompile("^[`\\s]*sallyport plan ([0-9a-f]{40}|[0-9a-f]{64})[`\\s]*$")

// hearPull looks for that word in the comments of a pull request. It names the whole commit: whoever writes it must have
// seen that one, and not what is pushed a moment later.
func (pw *Pullwatch) hearPull(ctx context.Context, conf *active.Config, l look) error {
	p := *l.known
	p.UpdatedAt = l.pull.UpdatedAt.UTC()
	p.Title = words.Cut(pw.health.Redact(l.pull.Title), 200)
	if len(p.Held) == 0 {
		return pw.journal.Update(func(tx *journal.Tx) error { return keepPull(tx.Tx, &p) })
	}
	comments, err := l.site.Comments(ctx, p.Number, p.CheckedAt)
	if err != nil {
		return err
	}
	l.heard[p.Number] = pw.now()
	released := map[string]string{}
	for _, c := range comments {
		m := release.FindStringSubmatch(c.Body)
		if m == nil || m[1] != p.Head || c.Edited() || c.Author.ID == 0 || c.Author.Bot {
			continue
		}
		access, err := l.site.Access(ctx, c.Author)
		if err != nil {
			return err
		}
		for name := range p.Held {
			s := conf.Stack(name)
			if s == nil || released[name] != "" {
				continue
			}
			why, err := pw.mayRelease(ctx, conf, s, c.Author, access)
			if err != nil {
				return err
			}
			if why == "" {
				released[name] = conf.Words(p.Repository).Account(c.Author.Login)
				continue
			}
			note := fmt.Sprintf("%s: the `plan` of %s did not count: %s", name, c.Author.Login, why)
			if !slices.Contains(p.Notes, note) && len(p.Notes) < 20 {
				p.Notes = append(p.Notes, note)
			}
		}
	}
	return pw.journal.Update(func(tx *journal.Tx) error {
		if err := keepPull(tx.Tx, &p); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(released)) {
			wanted := operator.WantedPreview{Stack: name, PullRequest: p.Number, Commit: p.Head, By: released[name]}
			if _, err := pw.operator.ReleasePull(tx, conf, p.Repository, wanted); err != nil {
				return err
			}
		}
		return pw.ledger.CommentOn(tx.Tx, p.Repository, p.Number)
	})
}

// keepPull writes what was learned of a pull request, unless it has moved on meanwhile.
func keepPull(tx *store.Tx, p *store.PullRequest) error {
	now, err := tx.PullRequest(p.Repository, p.Number)
	if err != nil || now == nil || now.Head != p.Head {
		return err
	}
	now.UpdatedAt, now.Title, now.Notes = p.UpdatedAt, p.Title, p.Notes
	return tx.PutPullRequest(now)
}

// mayRelease says why somebody's word does not count; empty if it does. Who that is at the site only a person block says.
func (pw *Pullwatch) mayRelease(ctx context.Context, conf *active.Config, s *config.Stack, u forge.User, access forge.Access) (string, error) {
	at := conf.Words(s.Repository).Block
	i := slices.IndexFunc(conf.Cfg.People, func(p config.Person) bool { return p.Login(at) != "" && strings.EqualFold(p.Login(at), u.Login) })
	switch {
	case !access.CanWrite():
		return "they may not write to the repository", nil
	case i < 0:
		return "no person block of the configuration names that account", nil
	}
	person := conf.Cfg.People[i]
	if conf.Slack == nil {
		if person.OS == "" {
			return "their person block names no user of this machine", nil
		}
		return "", nil
	}
	if person.Slack == "" {
		return "their person block names no account in Slack", nil
	}
	return conf.Directory.MayDecide(ctx, person.Slack, active.Approvers(conf.Cfg, s))
}
