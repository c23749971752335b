package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/locks"
	"sallyport/agent/operator/errands"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// Request is a person's wish for a run, from a shell or from Slack.
type Request struct {
	Stack   string
	Reason  string
	By      string
	Asked   *store.Asked // where in Slack, which hears the end too; nil: elsewhere
	Applied bool         // recover: at the applied commit
	Wish    PlanWish
}

// freshenTimeout is how long a person's plan waits for git. The repository may lie on the very node that has died.
const freshenTimeout = 5 * time.Second

// Freshen asks git for the branch's newest commit, so that whoever has just pushed and says plan gets that one and no false
// all-clear of the one before. Where git cannot be read the plan is made at the newest commit known, and says so.
func (o *Operator) Freshen(ctx context.Context, name string) {
	conf := o.active.Current.Load()
	s := conf.Stack(name)
	if s == nil {
		return // refused right after this
	}
	if err := o.source.Ask(ctx, conf, conf.Cfg.Repository(s.Repository), freshenTimeout); err != nil {
		o.log.Info("a person's plan is made at the newest commit known", "stack", name, "err", o.health.Redact(err.Error()))
	}
}

// Start makes a manual run. It supersedes what is open of the stack, but never what is applying.
func (o *Operator) Start(r Request) (*store.Run, []string, error) {
	conf := o.active.Current.Load()
	s := conf.Stack(r.Stack)
	if s == nil {
		return nil, nil, control.NoStack(r.Stack, active.StackNames(conf))
	}
	at, err := o.check(conf, s, r)
	if err != nil {
		return nil, nil, err
	}
	var made *store.Run
	var warnings []string
	err = o.journal.Update(func(tx *journal.Tx) error {
		made, warnings = nil, nil
		st, err := tx.Stack(s.Name)
		if err != nil {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil {
			return err
		}
		commit, err := commitFor(r, st, repository)
		if err != nil {
			return err
		}
		options := r.Wish.options()
		if at.commit != "" {
			commit, options.Back = at.commit, at.back
		}
		waited, instead, err := waiting(tx.Tx, st, options)
		if err != nil {
			return err
		}
		if err := o.MakeWay(tx, conf, st, r); err != nil {
			return err
		}
		if err := locks.LookNow(tx.Tx, s.Name); err != nil {
			return err
		}
		made = &store.Run{
			Stack: s.Name, Repository: s.Repository, Kind: store.KindManual, Commit: commit, Head: repository.Head,
			Reason: o.health.Redact(r.Reason), RequestedBy: r.By, Asked: r.Asked, AtApplied: r.Applied, Options: options, Position: at.position, Warnings: instead,
		}
		warnings = append(waited, startWarnings(tx.Tx, st, repository, made)...)
		if options.Targeted() {
			made.Warnings = append(made.Warnings, targetWarning(made.Commit))
		}
		if lifecycle.ReleasesPin(st.Pin, made) {
			made.Warnings = append(made.Warnings, "the stack is pinned "+lifecycle.PinnedAt(st.Pin)+"; applying this run undoes that, and releases the pin")
		}
		if err := tx.AddEvent(store.Event{Type: "request", Stack: s.Name, By: r.By, Text: requestText(made)}); err != nil {
			return err
		}
		if err := o.ledger.Create(tx, conf, made); err != nil {
			return err
		}
		return ledger.PutGiven(tx.Tx, made.ID, r.Wish.Vars)
	})
	o.ledger.HoldsValues()
	if err != nil {
		return nil, nil, err
	}
	return made, warnings, nil
}

// check refuses what cannot be asked for of a stack, and finds the commit that it names, if it names one.
func (o *Operator) check(conf *active.Config, s *config.Stack, r Request) (at place, err error) {
	if err := r.Wish.validate(); err != nil {
		return at, err
	}
	if err := errands.NotForImages(s, r.Wish.terraformOnly()); err != nil {
		return at, err
	}
	if err := ownImages(r.Wish.Images, s); err != nil {
		return at, err
	}
	if r.Applied && (r.Wish.Commit != "" || r.Wish.Destroy || r.Wish.EmptyState || len(r.Wish.Vars) > 0) {
		return at, control.Errorf(control.Usage, "recover is at the applied commit and brings nothing new").WithHint("sallyport plan %s takes these options", r.Stack)
	}
	if r.Wish.Commit != "" {
		if at, err = o.findCommit(conf, s.Repository, s.Name, r.Wish.Commit); err != nil {
			return at, err
		}
	}
	o.health.Silence(r.Wish.Vars) // before a reason that repeats one is written down
	for _, address := range slices.Concat(r.Wish.Replace, r.Wish.Targets) {
		if shown := o.health.Redact(address); shown != address {
			return at, hint.Refuse("take it out of the keys of for_each, which terraform shows to everybody; or: sallyport exec "+s.Name+" -- taint ADDRESS",
				"%s has a secret in its address, and what is asked of a plan is shown to people", shown)
		}
	}
	return at, o.isThere(conf, s, r, at)
}

// requestText is what the history says of a request.
func requestText(run *store.Run) string {
	return strings.TrimSpace(strings.Join(append(run.Options.Kinds(run.Commit), run.Reason), "; "))
}

func commitFor(r Request, st *store.StackState, repository *store.RepositoryState) (string, error) {
	if r.Applied {
		if st.Destroyed != nil {
			return "", hint.Refuse("sallyport plan "+r.Stack, "stack %s was destroyed by #%d, so there is nothing to recover", r.Stack, st.Destroyed.Run)
		}
		if st.AppliedCommit == "" && st.Partly != 0 {
			return "", hint.Refuse(fmt.Sprintf("sallyport plan %s, which plans what #%d left to do", r.Stack, st.Partly),
				"no apply of stack %s has ended well yet, so that there is no applied commit: nothing to recover", r.Stack)
		}
		if st.AppliedCommit == "" {
			return "", hint.Refuse("sallyport plan "+r.Stack, "nothing of stack %s was applied yet, so there is nothing to recover", r.Stack)
		}
		return st.AppliedCommit, nil
	}
	if repository.Head == "" {
		return "", hint.Refuse("see sallyport status; the first poll must succeed once", "repository %s was not read yet", repository.Name)
	}
	return repository.Head, nil
}

// MakeWay supersedes the open run of a stack for a person's run.
func (o *Operator) MakeWay(tx *journal.Tx, conf *active.Config, st *store.StackState, r Request) error {
	if st.OpenRun == 0 {
		return nil
	}
	open, err := tx.Run(st.OpenRun)
	if err != nil {
		return err
	}
	if !due.MayBeSuperseded(open) {
		return hint.Refuse(fmt.Sprintf("wait for it, or: sallyport cancel %d", open.ID), "#%d of stack %s is %s", open.ID, st.Name, open.Status)
	}
	why := r.By + " asked for another plan"
	if _, err := o.ledger.Move(tx, conf, open, store.Move{From: open.Status, To: store.Superseded, By: r.By, Text: why}, phrase.Because("superseded: "+why)); err != nil {
		return err
	}
	o.work.Stop(open.ID)
	targeted := len(r.Wish.Targets) > 0
	last := func(run *store.Run) (*store.Run, error) { return runBefore(tx.Tx, run) }
	if targeted {
		owed, err := due.Unserved(open, last)
		if err == nil && owed {
			err = oweUpstreams(tx.Tx, st.Name)
		}
		if err != nil {
			return err
		}
	}
	if !r.Applied && !targeted {
		return nil
	}
	commit, err := due.Unanswered(open, last)
	if err == nil && commit {
		// The commit run is made again when this one has ended: it was not answered by anybody.
		now, err := tx.Stack(st.Name)
		if err != nil {
			return err
		}
		now.LastCommitCommit = ""
		return tx.PutStack(now)
	}
	return err
}

// oweUpstreams has a stack planned again because of what changed upstream.
func oweUpstreams(tx *store.Tx, stack string) error {
	now, err := tx.Stack(stack)
	if err != nil {
		return err
	}
	return ledger.OweUpstreams(tx, now)
}

// runBefore is a stack's newest run before another that could apply; nil if there is none, or it is no longer kept.
func runBefore(tx *store.Tx, run *store.Run) (*store.Run, error) {
	for id := run.ID; ; {
		runs, err := tx.Runs(store.RunFilter{Stack: run.Stack, Before: id, Limit: 1})
		if err != nil || len(runs) == 0 {
			return nil, err
		}
		if runs[0].Kind != store.KindPullRequest {
			return runs[0], nil
		}
		id = runs[0].ID
	}
}

// Cancel stops a run. A running apply gets one SIGINT and all the time it needs.
func (o *Operator) Cancel(run int, by string) (*store.Run, string, error) {
	var out *store.Run
	err := o.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run)
		if err != nil {
			return err
		}
		if now.Status.Terminal() {
			return control.Late(tx.Tx, now, hint.Refuse(fmt.Sprintf("there is nothing to stop; what became of it: sallyport show %d", run), "#%d has ended: %s", run, now.Status))
		}
		if err := tx.AddEvent(store.Event{Type: "cancel", Run: run, Stack: now.Stack, By: by}); err != nil {
			return err
		}
		out, err = tx.ChangeRun(run, func(r *store.Run) error {
			if r.CancelBy == "" {
				r.CancelBy = by
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if out.Status == store.Applying {
		return out, fmt.Sprintf("#%d is applying: %s is asked once to stop and gets all the time it needs.", run, control.EngineOf(out.Engine)), nil
	}
	return out, fmt.Sprintf("#%d is being canceled.", run), nil
}

// Pause holds a stack, or the agent when stack is empty.
func (o *Operator) Pause(stack, reason, by string) error {
	p := &store.Pause{By: by, At: o.now().UTC(), Reason: o.health.Redact(reason)}
	_, err := o.setPause(stack, p, store.Event{Type: "pause", Stack: stack, By: by, Text: p.Reason})
	return err
}

// Held is the stack that somebody means who holds one, or lets it go on; empty for the whole agent, which is called all unless a
// stack is.
func (o *Operator) Held(name string) string {
	if name == verbs.All && o.active.Current.Load().Stack(name) == nil {
		return ""
	}
	return name
}

// setPause puts a pause in the place of the one that there is, and says what there was before.
func (o *Operator) setPause(stack string, p *store.Pause, e store.Event) (was Resumed, err error) {
	if conf := o.active.Current.Load(); stack != "" && conf.Stack(stack) == nil {
		return was, control.NoStack(stack, active.StackNames(conf))
	}
	err = o.journal.Update(func(tx *journal.Tx) error {
		was = Resumed{}
		if err := tx.AddEvent(e); err != nil {
			return err
		}
		if stack == "" {
			s, err := tx.Agent()
			if err != nil {
				return err
			}
			was.Held = s.Paused != nil
			if !samePause(s.Paused, p) {
				s.Paused, err = p, o.enqueuePause(tx.Tx, stack, p, e)
			}
			if p == nil {
				err = errors.Join(err, o.ledger.Settle(tx.Tx))
			}
			return errors.Join(err, tx.PutAgent(s))
		}
		s, err := tx.Stack(stack)
		if err != nil {
			return err
		}
		was.Held = s.Paused != nil || s.Pin != nil
		if !samePause(s.Paused, p) {
			s.Paused, err = p, o.enqueuePause(tx.Tx, stack, p, e)
		}
		if p == nil {
			err = errors.Join(err, o.ledger.Unpin(tx, s, e.By))
			was.Seen, s.Look, s.Seen = lookedAt(s), nil, s.NewestRun
			if was.Seen != 0 && !strings.HasPrefix(e.By, "slack:") {
				err = errors.Join(err, tx.Enqueue(o.ledger.Note(fmt.Sprintf("seen/%s/%d", stack, was.Seen), fmt.Sprintf("%s has looked at #%d %s: it may stay as it is.", e.By, was.Seen, stack))))
			}
		}
		return errors.Join(err, tx.PutStack(s))
	})
	return was, err
}

// samePause reports whether a request finds everything as it asks for. It comes once more when the answer to the first got lost,
// and is no news then.
func samePause(now, asked *store.Pause) bool {
	if now == nil || asked == nil {
		return now == asked
	}
	return now.By == asked.By && now.Reason == asked.Reason
}

// enqueuePause tells the channel who stopped what, and why, when that was said on the command line: whoever wonders why nothing
// is applied does not look there.
func (o *Operator) enqueuePause(tx *store.Tx, stack string, p *store.Pause, e store.Event) error {
	if strings.HasPrefix(e.By, "slack:") {
		return nil // it stands in the channel
	}
	text := fmt.Sprintf("%s goes on: %s resumed it.", phrase.Whole(stack), e.By)
	if p != nil {
		text = fmt.Sprintf("%s is paused %s", phrase.Whole(stack), notify.Paused(p))
	}
	return tx.Enqueue(o.ledger.Note(fmt.Sprintf("%s/%s/%d", e.Type, stack, o.now().UnixMilli()), text))
}

// Accept takes a branch whose history was rewritten.
func (o *Operator) Accept(repository, commit, by string) error {
	if o.active.Cfg().Repository(repository) == nil {
		return control.Errorf(control.NotFound, "there is no repository %q", repository).WithHint("sallyport status names those that there are, and what is held of them")
	}
	return o.journal.Update(func(tx *journal.Tx) error {
		s, err := tx.Repository(repository)
		if err != nil {
			return err
		}
		switch {
		case s.HeldHead == "":
			return hint.Refuse("", "nothing of repository %s is held", repository)
		case len(commit) < 7 || !strings.HasPrefix(s.HeldHead, strings.ToLower(commit)):
			return hint.Refuse(fmt.Sprintf("sallyport accept %s %s", repository, words.Short(s.HeldHead)), "the commit that is held is %s, not %s", words.Short(s.HeldHead), commit)
		}
		if s.HeldWhy != "" {
			return hint.Refuse(control.TrustHint, "%s", notify.HeldText(s))
		}
		tx.Moves()
		s.Accepted, s.HeldHead, s.HeldLost = s.HeldHead, "", nil
		if lifecycle.Requirements(o.active.Cfg().Repository(repository)) == "" {
			s.Head = s.Accepted
		} // else the next poll finds it accepted, and asks whether its commits are trusted
		if err := tx.PutRepository(s); err != nil {
			return err
		}
		if err := tx.Enqueue(o.ledger.Note("accepted/"+repository+"/"+s.Accepted, fmt.Sprintf("%s took the rewritten history of %s: its newest commit is %s.", by, repository, words.Short(s.Accepted)))); err != nil {
			return err
		}
		return tx.AddEvent(store.Event{Type: "accept", By: by, Text: repository + " " + s.Accepted})
	})
}
