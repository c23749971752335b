package source

import (
	"context"
	"strings"
	"testing"

	"sallyport/agent/active"
	"sallyport/agent/repo"
	"sallyport/notify/forge"
)

// history is a mirror of which only what is asked here is played: head h was reviewed, and b is the branch before it.
type history struct {
	active.Mirror
	parents map[string][]string
	replays map[string]string // why a commit is not the reviewed head, put onto b; empty: it is
	adds    map[string]string // what a merge adds
}

func (m history) Commit(hash string) (repo.Commit, error) {
	return repo.Commit{Hash: hash, Parents: m.parents[hash]}, nil
}

func (m history) Descends(_ context.Context, older, newer string) (repo.Ancestry, error) {
	if older == newer {
		return repo.Descends, nil
	}
	for _, parent := range m.parents[newer] {
		if a, _ := m.Descends(context.Background(), older, parent); a == repo.Descends {
			return a, nil
		}
	}
	return repo.Rewritten, nil
}

func (m history) MergeAdds(_ context.Context, commit string) (string, error) {
	return m.adds[commit], nil
}
func (m history) Has(string) bool    { return true }
func (m history) DropPull(int) error { return nil }
func (m history) ReplayAdds(_ context.Context, r repo.Replay) (string, error) {
	if r.Onto != "b" || r.Head != "h" {
		return "it is put onto something else", nil
	}
	return m.replays[r.Result], nil
}

// TestMergeOfASquash: a site may squash a pull request and merge that (GitLab's usual way). The head that was reviewed is then in nobody's
// history, and the squashed commit has to bring what it would have.
func TestMergeOfASquash(t *testing.T) {
	parents := map[string][]string{"h": {"b"}, "s": {"b"}, "evil": {"b"}, "m": {"b", "s"}, "wrong": {"b", "evil"}, "plain": {"b", "h"}, "turned": {"s", "b"}, "deep": {"b", "m"}}
	tests := map[string]struct {
		merge, as string // the commit that is asked about, and what the site says that it made
		adds      string
		want      string // in why it does not count; empty: it does
	}{
		"a merge of the head":            {"plain", "plain", "", ""},
		"a merge that adds something":    {"plain", "plain", "it adds a.tf", "it adds a.tf"},
		"a merge of the squashed commit": {"m", "s", "", ""},
		"that adds something":            {"m", "s", "it adds a.tf", "it adds a.tf"},
		"of a commit that is no squash":  {"wrong", "evil", "", "not what was reviewed"},
		"of another than the site names": {"wrong", "s", "", "is not in the history"},
		"the other way round":            {"turned", "s", "", "is not in the history"},
		"that the site does not name":    {"m", "", "", "is not in the history"},
		"of a merge":                     {"deep", "m", "", "is not in the history"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := review{git: history{parents: parents, replays: map[string]string{"evil": "it does more"}, adds: map[string]string{tt.merge: tt.adds}},
				branch: "main", tip: tt.merge}
			p := forge.PullRequest{Number: 3, Head: "h", Merged: true, MergeCommit: tt.as}
			commits := forge.Commits{List: []forge.Commit{{Hash: "h"}}}
			why, err := r.unseen(t.Context(), p, commits, repo.Commit{Hash: tt.merge, Parents: parents[tt.merge]})
			if err != nil || (tt.want == "") != (why == "") || !strings.Contains(why, tt.want) {
				t.Errorf("%q, %v", why, err)
			}
		})
	}
}
