package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/notify/forge"
	"sallyport/store"
)

// release is an approver's word that a stack of a pull request is to be planned though it changes what it must not by itself.
var release = regexp.MustCompile("^[`\\s]*sallyport plan ([0-9a-f]{40}|[0-9a-f]{64})[`\\s]*$")

// hearPull looks for that word in the comments of a pull request. It names the whole commit: whoever writes it must have
// seen that one, and not what is pushed a moment later.
func (a *pullwatch) hearPull(ctx context.Context, w *world, l look) error {
	p := *l.known
	p.UpdatedAt = l.pull.UpdatedAt.UTC()
	p.Title = cut(a.redact(l.pull.Title), 200)
	if len(p.Held) == 0 {
		return a.update(func(tx *Tx) error { return keepPull(tx.Tx, &p) })
	}
	comments, err := l.site.Comments(ctx, p.Number, p.CheckedAt)
	if err != nil {
		return err
	}
	l.heard[p.Number] = a.now()
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
			s := w.stack(name)
			if s == nil || released[name] != "" {
				continue
			}
			why, err := a.mayRelease(ctx, w, s, c.Author, access)
			if err != nil {
				return err
			}
			if why == "" {
				released[name] = "github:" + c.Author.Login
				continue
			}
			note := fmt.Sprintf("%s: the `plan` of %s did not count: %s", name, c.Author.Login, why)
			if !slices.Contains(p.Notes, note) && len(p.Notes) < 20 {
				p.Notes = append(p.Notes, note)
			}
		}
	}
	return a.update(func(tx *Tx) error {
		if err := keepPull(tx.Tx, &p); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(released)) {
			wanted := wantedPreview{Stack: name, PullRequest: p.Number, Commit: p.Head, By: released[name]}
			if _, err := a.releasePull(tx, w, p.Repository, wanted); err != nil {
				return err
			}
		}
		return a.commentOn(tx.Tx, p.Repository, p.Number)
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
func (a *pullwatch) mayRelease(ctx context.Context, w *world, s *config.Stack, u forge.User, access forge.Access) (string, error) {
	i := slices.IndexFunc(w.cfg.People, func(p config.Person) bool { return strings.EqualFold(p.GitHub, u.Login) })
	switch {
	case !access.CanWrite():
		return "they may not write to the repository", nil
	case i < 0:
		return "no person block of the configuration names that account", nil
	}
	person := w.cfg.People[i]
	if w.slack == nil {
		if person.OS == "" {
			return "their person block names no user of this machine", nil
		}
		return "", nil
	}
	if person.Slack == "" {
		return "their person block names no account in Slack", nil
	}
	return w.desk.mayDecide(ctx, person.Slack, approvers(w.cfg, s))
}

// wantedPreview is a person's wish for the plan of a stack that a pull request changes in a way which waits for a word.
type wantedPreview struct {
	Stack       string
	PullRequest int
	Commit      string // the head that they have seen, or the beginning of it; empty: whichever waits
	By          string
}

// ofPull is what comes after `plan STACK` in Slack when it is about a pull request.
var ofPull = regexp.MustCompile(`(?i)^(?:pr|pull[ -]request) #?([0-9]{1,9})$`)

// previewFor is startPreview for Slack.
func (a *slackbot) previewFor(wanted wantedPreview, number string) (answer string, err error) {
	if wanted.PullRequest, err = strconv.Atoi(number); err != nil {
		return "", hint.Refuse("plan STACK pr 7", "which pull request?")
	}
	run, err := a.startPreview(wanted)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("#%d: planning %s of pull request %d at %s.", run.ID, run.Stack, run.PullRequest, short(run.Commit)), nil
}

// startPreview has it planned for whoever may ask for plans of the stack.
func (a *operator) startPreview(wanted wantedPreview) (run *store.Run, err error) {
	w := a.world.Load()
	s := w.stack(wanted.Stack)
	if s == nil {
		return nil, control.NoStack(wanted.Stack, stackNames(w))
	}
	err = a.update(func(tx *Tx) error {
		id, err := a.releasePull(tx, w, s.Repository, wanted)
		if err != nil {
			return err
		}
		run, err = tx.Run(id)
		return err
	})
	return run, err
}

// releasePull makes the run of a held stack of a pull request, at the head that is held.
func (a *operator) releasePull(tx *Tx, w *world, repository string, wanted wantedPreview) (run int, err error) {
	number, name := wanted.PullRequest, wanted.Stack
	p, err := tx.PullRequest(repository, number)
	if err != nil {
		return 0, err
	}
	s := w.stack(name)
	switch {
	case p == nil || s == nil:
		return 0, hint.Refuse("sallyport status", "pull request %d is not open, is not planned, or was not seen yet", number)
	case p.Why != "":
		return 0, hint.Refuse("", "nothing of pull request %d is planned: %s", number, p.Why)
	case p.Held[name] == "":
		return 0, hint.Refuse("sallyport status", "stack %s of pull request %d does not wait for anybody", name, number)
	case !strings.HasPrefix(p.Head, wanted.Commit):
		return 0, hint.Refuse("look at what it changes now", "pull request %d is at %s", number, short(p.Head))
	}
	if ok, err := a.mayBegin(tx.Tx, repository, 1); err != nil || !ok {
		return 0, errors.Join(err, a.postpone(p))
	}
	if p.Released == nil {
		p.Released = map[string]string{}
	}
	p.Released[name] = wanted.By
	delete(p.Held, name)
	if p.Runs == nil {
		p.Runs = map[string]int{}
	}
	if err := a.preview(tx, w, p, s, wanted.By); err != nil {
		return 0, err
	}
	text := fmt.Sprintf("plan of pull request %d at %s", number, short(p.Head))
	if err := tx.AddEvent(store.Event{Type: "request", Stack: name, By: wanted.By, Text: text}); err != nil {
		return 0, err
	}
	return p.Runs[name], errors.Join(tx.PutPullRequest(p), a.commentOn(tx.Tx, repository, number))
}
