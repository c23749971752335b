package source

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sallyport/agent/active"
	"sallyport/agent/repo"
	"sallyport/notify/forge"
)

// told is a site with one merged pull request, of which it says what a case gives it.
type told struct {
	active.ForgeChanges
	pull    forge.PullRequest
	reviews []forge.Review
	commits forge.Commits
	access  map[string]string // levels by login; "?": the site gave an answer that nobody understands
	err     error             // of the list of reviews
}

func (s told) Landed(context.Context, string, string) ([]forge.PullRequest, error) {
	return []forge.PullRequest{s.pull}, nil
}

func (s told) Reviews(context.Context, forge.PullRequest) ([]forge.Review, error) {
	return s.reviews, s.err
}

func (s told) Commits(context.Context, forge.PullRequest) (forge.Commits, error) {
	return s.commits, nil
}

func (s told) Access(_ context.Context, u forge.User) (forge.Access, error) {
	level := s.access[u.Login]
	if level == "?" {
		return forge.Access{}, errors.New("no level that is known")
	}
	return forge.Access{Level: level}, nil
}

// Whatever a site leaves open about a review holds: only an approval of the final head itself, by somebody who may write and had no
// hand in it, lets a commit through, and what is missing is said in the site's own words.
func TestWhatASiteLeavesOpenHolds(t *testing.T) {
	jane, joe := forge.User{ID: 7, Login: "jane"}, forge.User{ID: 8, Login: "joe"}
	for name, c := range map[string]struct {
		with func(*told)
		want string // in what is missing, or in the error; empty: it is let through
	}{
		"approved by somebody else":               {func(*told) {}, ""},
		"an approval that is bound to no commit":  {func(s *told) { s.reviews[0].Commit = "" }, "nobody who may write has approved the final head of merge request !12"},
		"an approval of another head":             {func(s *told) { s.reviews[0].Commit = "older" }, "nobody who may write has approved"},
		"an approval that was taken back":         {func(s *told) { s.reviews[0].State = forge.ReviewDismissed }, "nobody who may write has approved"},
		"a word that is no state":                 {func(s *told) { s.reviews[0].State = "approved" }, "nobody who may write has approved"},
		"an approval of somebody who is gone":     {func(s *told) { s.reviews[0].Author = forge.User{} }, "nobody who may write has approved"},
		"a reader's approval":                     {func(s *told) { s.access["joe"] = "read" }, "nobody who may write has approved"},
		"a level that nobody knows":               {func(s *told) { s.access["joe"] = "planner" }, "nobody who may write has approved"},
		"an answer that nobody understands":       {func(s *told) { s.access["joe"] = "?" }, "no level that is known"},
		"no answer about reviews":                 {func(s *told) { s.err = errors.New("502 Bad Gateway") }, "502 Bad Gateway"},
		"the author's own approval":               {func(s *told) { s.pull.Author = joe }, "joe has approved merge request !12, and made some of it"},
		"a committer's approval":                  {func(s *told) { s.commits.List[0].Committer = joe }, "and made some of it"},
		"an approval of who pushed":               {func(s *told) { s.commits.Pushers = []forge.User{joe} }, "and made some of it"},
		"a commit that is nobody's":               {func(s *told) { s.commits.List[0].Author = forge.User{} }, "nobody knows who made its commit"},
		"commits that were cut":                   {func(s *told) { s.commits.Cut = true }, "merge request !12 has more commits than the site shows"},
		"no commits":                              {func(s *told) { s.commits.List = nil }, "the site shows no commits of merge request !12"},
		"one that was not merged":                 {func(s *told) { s.pull.Merged = false }, "it belongs to no merged merge request"},
		"one that was merged into another branch": {func(s *told) { s.pull.BaseRef = "next" }, "it belongs to no merged merge request"},
	} {
		t.Run(name, func(t *testing.T) {
			s := told{
				pull:    forge.PullRequest{Number: 12, Author: jane, Head: "h", BaseRef: "main", Merged: true, MergeCommit: "h"},
				reviews: []forge.Review{{ID: 1, Author: joe, State: forge.ReviewApproved, Commit: "h"}},
				commits: forge.Commits{List: []forge.Commit{{Hash: "h", Author: jane, Committer: jane}}},
				access:  map[string]string{"joe": "write", "jane": "write"},
			}
			c.with(&s)
			r := review{site: s, words: forge.Words{Change: "merge request", Sign: "!"}, git: history{}, branch: "main", tip: "h"}
			missing, err := r.missing(t.Context(), repo.Commit{Hash: "h"})
			if err != nil {
				missing = err.Error()
			}
			if c.want == "" && missing != "" || c.want != "" && !strings.Contains(missing, c.want) {
				t.Errorf("%q, want %q", missing, c.want)
			}
		})
	}
	r := review{git: history{}, branch: "main", tip: "h"}
	if missing, err := r.missing(t.Context(), repo.Commit{Hash: "h"}); err != nil || missing == "" {
		t.Errorf("a site that knows of no pull requests lets everything through: %v", err)
	}
}
