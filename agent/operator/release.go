package operator

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/notify/words"
	"sallyport/store"
)

// WantedPreview is a person's wish for the plan of a stack that a pull request changes in a way which waits for a word.
type WantedPreview struct {
	Stack       string
	PullRequest int
	Commit      string   // the head that they have seen, or the beginning of it; empty: whichever waits
	Wish        PlanWish // of which a preview takes nothing
	By          string
	Asked       *store.Asked // see [Request]
}

// NotOfPreviews is an option of a wish that the plan of a pull request does not have; empty if there is none.
func (p PlanWish) NotOfPreviews() string {
	if option := p.terraformOnly(); option != "" || len(p.Vars) == 0 {
		return option
	}
	return "--var"
}

// StartPreview has it planned for whoever may ask for plans of the stack.
func (o *Operator) StartPreview(wanted WantedPreview) (run *store.Run, err error) {
	if option := wanted.Wish.NotOfPreviews(); option != "" {
		return nil, control.Errorf(control.Usage, "the plan of a pull request takes no %s", option).WithHint("leave it out; a plan with it: sallyport plan %s %s ...", wanted.Stack, option)
	}
	conf := o.active.Current.Load()
	s := conf.Stack(wanted.Stack)
	if s == nil {
		return nil, control.NoStack(wanted.Stack, active.StackNames(conf))
	}
	err = o.journal.Update(func(tx *journal.Tx) error {
		id, err := o.ReleasePull(tx, conf, s.Repository, wanted)
		if err != nil {
			return err
		}
		run, err = tx.ChangeRun(id, func(r *store.Run) error { r.Asked = wanted.Asked; return nil })
		return err
	})
	return run, err
}

// ReleasePull makes the run of a held stack of a pull request, at the head that is held.
func (o *Operator) ReleasePull(tx *journal.Tx, conf *active.Config, repository string, wanted WantedPreview) (run int, err error) {
	number, name := wanted.PullRequest, wanted.Stack
	change := conf.Words(repository).Plain(number)
	p, err := tx.PullRequest(repository, number)
	if err != nil {
		return 0, err
	}
	s := conf.Stack(name)
	switch {
	case s != nil && !conf.Cfg.Repository(s.Repository).Site.ShowsChanges():
		return 0, hint.Refuse("a github, gitlab or gitea block in it plans them", "repository %s has no github block, nor one of gitlab or gitea, so nothing is known of its pull requests", s.Repository)
	case p == nil || s == nil:
		return 0, hint.Refuse("sallyport status", "%s is not open, is not planned, or was not seen yet", change)
	case p.Why != "":
		return 0, hint.Refuse("", "nothing of %s is planned: %s", change, p.Why)
	case p.Held[name] == "":
		return 0, hint.Refuse("sallyport status", "stack %s of %s does not wait for anybody", name, change)
	case !strings.HasPrefix(p.Head, wanted.Commit):
		return 0, hint.Refuse("look at what it changes now", "%s is at %s", change, words.Short(p.Head))
	}
	if ok, err := o.MayBegin(tx.Tx, repository, 1); err != nil || !ok {
		return 0, errors.Join(err, o.Postpone(p))
	}
	if p.Released == nil {
		p.Released = map[string]string{}
	}
	p.Released[name] = wanted.By
	delete(p.Held, name)
	if p.Runs == nil {
		p.Runs = map[string]int{}
	}
	if err := o.Preview(tx, conf, p, s, wanted.By); err != nil {
		return 0, err
	}
	text := fmt.Sprintf("plan of %s at %s", change, words.Short(p.Head))
	if err := tx.AddEvent(store.Event{Type: "request", Stack: name, By: wanted.By, Text: text}); err != nil {
		return 0, err
	}
	return p.Runs[name], errors.Join(tx.PutPullRequest(p), o.ledger.CommentOn(tx.Tx, repository, number))
}
