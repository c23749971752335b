package source

import (
	"context"
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/repo"
	"sallyport/notify/forge"
	"sallyport/notify/words"
)

// review asks whether commits of a branch were reviewed.
type review struct {
	site   active.ForgeChanges // nil: nobody can be asked, and nothing was reviewed
	words  forge.Words
	git    active.Mirror
	branch string
	tip    string // what is to become the branch's head
}

// missing asks the site whether a commit came by a merged pull request of this branch whose final head somebody approved who
// may write and made nothing of it, and compares what it brought with that head. It says what is missing.
func (r review) missing(ctx context.Context, c repo.Commit) (missing string, err error) {
	if r.site == nil {
		return "nobody says which pull requests there were", nil
	}
	pulls, err := r.site.Landed(ctx, c.Hash, r.branch)
	if err != nil {
		return "", err
	}
	missing = "it belongs to no merged " + r.words.Noun()
	for _, p := range pulls {
		if !p.Merged || p.BaseRef != r.branch {
			continue
		}
		commits, err := r.site.Commits(ctx, p)
		if err != nil {
			return "", err
		}
		if missing, err = r.unreviewed(ctx, p, commits); err != nil {
			return "", err
		}
		if missing == "" {
			missing, err = r.unseen(ctx, p, commits, c)
		}
		if err != nil || missing == "" {
			return "", err
		}
	}
	return missing, nil
}

// unreviewed says what a pull request lacks to have been reviewed; empty if nothing.
func (r review) unreviewed(ctx context.Context, p forge.PullRequest, commits forge.Commits) (missing string, err error) {
	name := r.words.Name(p.Number)
	if commits.Cut {
		return name + " has more commits than the site shows, so nobody knows who made them", nil
	}
	if len(commits.List) == 0 {
		return fmt.Sprintf("the site shows no commits of %s, so nobody knows who made them", name), nil
	}
	reviews, err := r.site.Reviews(ctx, p)
	if err != nil {
		return "", err
	}
	missing = "nobody who may write has approved the final head of " + name
	for _, u := range forge.ApprovedBy(reviews, p.Head) {
		access, err := r.site.Access(ctx, u)
		if err != nil {
			return "", err
		}
		switch {
		case !access.CanWrite():
		case made(p, commits, u):
			missing = fmt.Sprintf("%s has approved %s, and made some of it", u.Login, name)
		case nobodys(commits) != "":
			missing = fmt.Sprintf("%s has approved %s, and nobody knows who made its commit %s: the e-mail of its author or committer belongs to no account",
				u.Login, name, words.Short(nobodys(commits)))
		default:
			return "", nil
		}
	}
	return missing, nil
}

// nobodys is the first commit of which the site does not know who wrote or committed it; empty if it does of all. It may be the
// reviewer's.
func nobodys(commits forge.Commits) string {
	for _, c := range commits.List {
		if c.Author.ID == 0 || c.Committer.ID == 0 {
			return c.Hash
		}
	}
	return ""
}

// made reports whether somebody opened a pull request, pushed to it, or wrote or committed (which merging is, too) one of its commits.
func made(p forge.PullRequest, commits forge.Commits, u forge.User) bool {
	pushed := slices.ContainsFunc(commits.Pushers, func(one forge.User) bool { return u.ID == one.ID })
	return u.ID == p.Author.ID || pushed || slices.ContainsFunc(commits.List, func(c forge.Commit) bool {
		return u.ID == c.Author.ID || u.ID == c.Committer.ID
	})
}
