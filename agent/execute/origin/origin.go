// Package origin finds out who made what a run would apply: git says who wrote and committed it, the site that hosts the repository
// who merged it. It is shown on the card, and forbids an approval of one's own change; it grants nothing, since it can be forged.
package origin

import (
	"context"
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/forge"
	"sallyport/store"
)

// shownCommits is how many commits are asked about only to name their pull requests on the card.
const shownCommits = 10

// Origins finds out who made what runs would apply.
type Origins struct {
	health *health.Health
	store  *store.Store
}

// Options are what origins are found out with.
type Options struct {
	Health *health.Health
	Store  *store.Store
}

// New makes what finds out who made what runs would apply.
func New(o Options) *Origins { return &Origins{health: o.Health, store: o.Store} }

// tracer finds out where the changes of one run come from.
type tracer struct {
	site   active.ForgeChanges // nil: only git is asked
	words  forge.Words
	branch string
	origin store.Origin
	pulls  map[int]bool
	known  map[string]forge.Commit // the commits of those pull requests
	merges map[string]bool         // what the site made of them
	login  map[string]string       // by e-mail, as the site has it: to forbid, never to grant
}

// Of says who made what a run would apply: authors, committers and mergers of all that touches its stack since the applied
// commit. What cannot be found out is said in it, and is no reason not to plan.
func (o *Origins) Of(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) *store.Origin {
	t := &tracer{
		site: conf.Changes(run.Repository), words: conf.Words(run.Repository), branch: conf.Cfg.Repository(run.Repository).Branch, pulls: map[int]bool{}, known: map[string]forge.Commit{},
		merges: map[string]bool{}, login: map[string]string{},
	}
	commits, err := o.commitsOf(ctx, conf, run, s)
	if err == nil && s.AllowSelfApproval {
		if t.site == nil {
			return nil // nobody asks
		}
		commits = commits[:min(len(commits), shownCommits)]
	}
	for _, c := range commits {
		if err == nil && t.site != nil {
			err = t.ask(ctx, c)
		}
	}
	if err != nil {
		t.origin.Unknown = o.health.Redact(err.Error())
	}
	for _, c := range commits {
		t.credit(c)
	}
	for i, m := range t.origin.Makers {
		t.origin.Makers[i] = store.Maker{Name: o.health.Redact(m.Name), Email: o.health.Redact(m.Email), Login: m.Login, Site: m.Site}
	}
	return &t.origin
}

// errTooMany: more happened than is looked at.
var errTooMany = fmt.Errorf("more than %d commits since the applied one touch the stack", phrase.MaxBehind)

// commitsOf are the commits since the applied one that touch the run's stack, newest first. Of a stack that was never applied it is
// the run's own.
func (o *Origins) commitsOf(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) ([]repo.Commit, error) {
	git := conf.Repos[run.Repository]
	var applied string
	if err := o.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(run.Stack)
		if err == nil {
			applied = st.AppliedCommit
		}
		return err
	}); err != nil {
		return nil, err
	}
	switch {
	case applied == run.Commit:
		return nil, nil
	case applied == "":
		c, err := git.Commit(run.Commit)
		return []repo.Commit{c}, err
	}
	tree, err := git.Tree(run.Commit)
	if err != nil {
		return nil, err
	}
	files, err := stack.Footprint(tree, stack.DefinitionOf(s))
	if err != nil {
		return nil, err // also if its directory is gone: then no commit would seem to touch it
	}
	all, complete, err := git.Between(ctx, applied, run.Commit, phrase.MaxBehind)
	if err != nil {
		return nil, err
	}
	var commits []repo.Commit
	for _, c := range all {
		paths, err := git.TouchedBy(ctx, c.Hash)
		if err != nil {
			return commits, err
		}
		if files.FirstTouched(paths) != "" {
			commits = append(commits, c)
		}
	}
	if !complete {
		return commits, errTooMany
	}
	return commits, nil
}

// ask finds the merged pull request that brought a commit, and everybody in it.
func (t *tracer) ask(ctx context.Context, c repo.Commit) error {
	if _, known := t.known[c.Hash]; known || t.merges[c.Hash] {
		return nil
	}
	pulls, err := t.site.Landed(ctx, c.Hash, t.branch)
	if err != nil {
		return err
	}
	for _, p := range pulls {
		if !p.Merged || p.BaseRef != t.branch || t.pulls[p.Number] {
			continue
		}
		t.pulls[p.Number] = true
		if err := t.pull(ctx, p.Number); err != nil {
			return err
		}
	}
	return nil
}

func (t *tracer) pull(ctx context.Context, number int) error {
	p, err := t.site.PullRequest(ctx, number) // a list does not say who merged it
	if err != nil {
		return err
	}
	reviews, err := t.site.Reviews(ctx, p)
	if err != nil {
		return err
	}
	commits, err := t.site.Commits(ctx, p)
	if err != nil {
		return err
	}
	shown := store.OriginPull{Number: number, Title: p.Title, Author: p.Author.Login, MergedBy: p.MergedBy.Login}
	if t.words.Change != "" {
		shown.Change = t.words.Name(number)
	}
	for _, u := range forge.ApprovedBy(reviews, p.Head) {
		shown.Reviewers = append(shown.Reviewers, u.Login)
	}
	t.origin.Pulls = append(t.origin.Pulls, shown)
	t.merges[p.MergeCommit] = true
	for _, u := range append([]forge.User{p.Author, p.MergedBy}, commits.Pushers...) {
		if !u.Bot { // no bot approves
			t.add(store.Maker{Login: u.Login})
		}
	}
	for _, c := range commits.List {
		t.known[c.Hash] = c
		t.remember(c.AuthorEmail, c.Author)
		t.remember(c.CommitterEmail, c.Committer)
		t.add(store.Maker{Email: c.AuthorEmail, Login: c.Author.Login})
		if !t.sites(c.CommitterEmail) {
			t.add(store.Maker{Email: c.CommitterEmail, Login: c.Committer.Login})
		}
	}
	for _, u := range commits.Pushers {
		if !u.Bot {
			t.add(store.Maker{Login: u.Login})
		}
	}
	if commits.Cut {
		return fmt.Errorf("%s has more commits than the site shows", t.words.Name(number))
	}
	return nil
}

// sites reports whether an address is the site's own, which commits in the name of whoever pressed the button.
func (t *tracer) sites(email string) bool { return email != "" && email == t.words.Committer }

func (t *tracer) remember(email string, u forge.User) {
	if u.Login != "" {
		t.login[email] = u.Login
	}
}

// credit adds who made a commit by what git says. What the site merged it made itself, and the pull request says for whom.
func (t *tracer) credit(c repo.Commit) {
	if _, known := t.known[c.Hash]; known || t.merges[c.Hash] {
		return
	}
	t.add(store.Maker{Name: c.Author, Email: c.AuthorEmail, Login: t.login[c.AuthorEmail]})
	if !t.sites(c.CommitterEmail) || len(t.pulls) == 0 {
		t.add(store.Maker{Name: c.Committer, Email: c.CommitterEmail, Login: t.login[c.CommitterEmail]})
	}
}

func (t *tracer) add(m store.Maker) {
	if m.Login != "" {
		m.Site = t.words.Block
	}
	if m != (store.Maker{}) && !slices.Contains(t.origin.Makers, m) {
		t.origin.Makers = append(t.origin.Makers, m)
	}
}
