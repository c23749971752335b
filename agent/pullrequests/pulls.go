package pullrequests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/notify/forge"
	"sallyport/notify/words"
	"sallyport/store"
)

// MaxPulls is how many open pull requests of a repository are planned, the newest ones.
const MaxPulls = 30

// listenAgain is when the comments of a pull request that waits for somebody's word are read though nothing seems new:
// the site's times have whole seconds, and two things can happen in one.
const listenAgain = 2 * time.Minute

const pullTimeout = 5 * time.Minute // of looking at one pull request, its fetch included

// WatchPulls looks at the pull requests of each repository that has them planned, on its schedule, until ctx ends. It is
// apart from the polls: a site that hangs must not delay what is on the branch.
func (pw *Pullwatch) WatchPulls(ctx context.Context) {
	pw.source.ForRepositories(ctx, plansPulls, pw.watchPullsOf)
}

func plansPulls(r *config.Repository) bool { return r.Site.PlanPullRequests }

// watchPullsOf looks at one repository's until that leaves the configuration or ctx ends, more slowly while that fails.
func (pw *Pullwatch) watchPullsOf(ctx context.Context, name string) {
	failures := 0
	heard := map[int]time.Time{}
	for ctx.Err() == nil {
		conf := pw.active.Current.Load()
		r := conf.Cfg.Repository(name)
		if r == nil || !plansPulls(r) {
			return
		}
		err := pw.health.Contained(health.Work{Name: "looking at the pull requests of " + name, Watches: true}, func() error {
			return pw.lookAtPulls(ctx, conf, r, heard)
		})
		if ctx.Err() != nil {
			return
		}
		says := conf.Words(name)
		source := fmt.Sprintf("%s %s: %ss", says.Block, name, says.Noun())
		if news := pw.faults.Set(source, err); news && err != nil {
			pw.log.Warn("looking at "+says.Noun()+"s", "repository", name, "err", err)
		}
		wait := time.Duration(0)
		if failures++; err == nil {
			failures = 0
		}
		var refused active.ForgeError
		if errors.As(err, &refused) {
			wait = refused.Wants()
		}
		pw.source.Rest(ctx, r, max(wait, pw.source.NextPoll(r, failures)))
	}
}

// lookAtPulls compares the open pull requests with what is remembered of them. Nothing new costs one conditional request.
func (pw *Pullwatch) lookAtPulls(ctx context.Context, conf *active.Config, r *config.Repository, heard map[int]time.Time) error {
	site, says := conf.Changes(r.Name), conf.Words(r.Name)
	if site == nil {
		return fmt.Errorf("%s shows no %ss", says.SiteName(), says.Noun()) // cannot be: the configuration was checked
	}
	list, _, err := site.OpenPullRequests(ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(p forge.PullRequest) bool { return p.BaseRef != r.Branch || !p.Open })
	var known []*store.PullRequest
	var head string
	err = pw.store.View(func(tx *store.Tx) error {
		state, err := tx.Repository(r.Name)
		if err != nil {
			return err
		}
		head = state.Head
		known, err = tx.PullRequests(r.Name)
		return err
	})
	if err != nil || head == "" || !conf.GlobsKnown(r.Name) {
		return err // the branch comes first
	}
	var faults []error
	for _, k := range known {
		if !slices.ContainsFunc(list, func(p forge.PullRequest) bool { return p.Number == k.Number }) {
			faults = append(faults, pw.health.Contained(pullWork(r, says, k.Number, "closed"), func() error { return pw.perhapsClosed(ctx, conf, r, k) }))
		}
	}
	if over := len(list) - MaxPulls; over > 0 {
		faults = append(faults, fmt.Errorf("%s are open, and the newest %d are planned", says.Count(len(list)), MaxPulls))
		list = list[:MaxPulls]
	}
	for _, p := range list {
		at := slices.IndexFunc(known, func(k *store.PullRequest) bool { return k.Number == p.Number })
		var k *store.PullRequest
		if at >= 0 {
			k = known[at]
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := pw.health.Contained(pullWork(r, says, p.Number, p.Head+p.UpdatedAt.String()), func() error {
			return pw.lookAtPull(ctx, conf, look{repository: r, site: site, pull: p, known: k, branch: head, heard: heard})
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", says.Plain(p.Number), err))
		}
	}
	return errors.Join(faults...)
}

func pullWork(r *config.Repository, says forge.Words, number int, at string) health.Work {
	return health.Work{Name: fmt.Sprintf("looking at %s of %s", says.Plain(number), r.Name), At: at}
}

// look is one pull request as the site lists it, beside what is remembered of it.
type look struct {
	repository *config.Repository
	site       active.ForgeChanges
	pull       forge.PullRequest
	known      *store.PullRequest // nil: it was never seen
	branch     string             // the newest commit of the branch
	heard      map[int]time.Time  // when comments were read last, by number; losing it costs a request
	doubt      string             // why nothing of it is planned before somebody has looked; empty if its author may write
}

// lookAtPull does whatever is due for one pull request.
func (pw *Pullwatch) lookAtPull(ctx context.Context, conf *active.Config, l look) error {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	k := l.known
	if k != nil && k.Head == l.pull.Head && k.UpdatedAt.Equal(l.pull.UpdatedAt.UTC()) &&
		(len(k.Held) == 0 || pw.now().Sub(l.heard[k.Number]) < listenAgain) {
		return nil
	}
	if k != nil && k.Head == l.pull.Head && k.Why == "" {
		return pw.hearPull(ctx, conf, l)
	}
	why, doubt, err := distrust(ctx, l)
	if err != nil {
		return err
	}
	l.doubt = doubt
	next := &store.PullRequest{
		Repository: l.repository.Name, Number: l.pull.Number, Title: words.Cut(pw.health.Redact(l.pull.Title), 200), Author: l.pull.Author.Login,
		URL: l.pull.URL, Head: l.pull.Head, Branch: l.pull.HeadRef, Why: why, UpdatedAt: l.pull.UpdatedAt.UTC(), CheckedAt: l.pull.UpdatedAt.UTC(),
	}
	if k != nil {
		next.Comment, next.Commented = k.Comment, k.Commented
	}
	if why != "" {
		return pw.recordPull(conf, l, next, nil)
	}
	err = conf.Repos[l.repository.Name].FetchPull(ctx, l.pull.Number, l.pull.Head)
	if errors.Is(err, repo.ErrMoved) {
		pw.log.Info("a pull request moved between the check and the fetch", "repository", l.repository.Name, "pull_request", l.pull.Number, "err", err)
		return nil // the next look checks the new head first
	}
	if err != nil {
		return err
	}
	touched, err := pw.comparePull(ctx, conf, l, next)
	if err != nil {
		return err
	}
	return pw.recordPull(conf, l, next, touched)
}

// distrust says why nothing of a pull request may be run; empty if its head is a branch of the repository itself, and its author
// is of the house. Of one who may only read, it is run when somebody has looked: doubt. What cannot be answered is an error, and
// nothing is run.
func distrust(ctx context.Context, l look) (why, doubt string, err error) {
	switch {
	case l.pull.HeadRepository == 0:
		return "it comes from a fork that is gone", "", nil
	case !l.pull.SameRepository():
		return "it comes from a fork", "", nil
	case l.pull.Author.ID == 0:
		return "its author's account is gone", "", nil
	}
	access, err := l.site.Access(ctx, l.pull.Author)
	switch {
	case err != nil:
		return "", "", err
	case access.CanWrite():
		return "", "", nil
	case l.pull.TrustedAuthor(access):
		return "", fmt.Sprintf("its author %s may read the repository and not write to it", l.pull.Author.Login), nil
	}
	return fmt.Sprintf("its author %s is neither a member nor a collaborator", l.pull.Author.Login), "", nil
}

// perhapsClosed asks before it takes the absence from a list for the end: a pull request can slip from one page to another.
func (pw *Pullwatch) perhapsClosed(ctx context.Context, conf *active.Config, r *config.Repository, k *store.PullRequest) error {
	now, err := conf.Changes(r.Name).PullRequest(ctx, k.Number)
	if err != nil {
		return err
	}
	if now.Open && now.BaseRef == r.Branch {
		return nil
	}
	name := conf.Words(r.Name).Plain(k.Number)
	why := name + " was closed"
	switch {
	case now.Merged:
		why = name + " was merged"
	case now.Open:
		why = name + " is for another branch now"
	}
	err = pw.journal.Update(func(tx *journal.Tx) error {
		if err := pw.endPreviews(tx, conf, k, store.Move{To: store.Canceled, Text: why}); err != nil {
			return err
		}
		return tx.DeletePullRequest(r.Name, k.Number)
	})
	if err != nil {
		return err
	}
	return conf.Repos[r.Name].DropPull(k.Number)
}

// endPreviews ends what is open of a pull request's plans.
func (pw *Pullwatch) endPreviews(tx *journal.Tx, conf *active.Config, k *store.PullRequest, m store.Move) error {
	for _, id := range k.Runs {
		run, err := store.Found(tx.Run(id))
		if err != nil {
			return err
		}
		if run == nil || run.Status.Terminal() {
			continue
		}
		m.From = run.Status
		if _, err := pw.ledger.Move(tx, conf, run, m, phrase.Because(m.Text)); err != nil {
			return err
		}
		pw.work.Stop(run.ID)
	}
	return nil
}
