package origin

import (
	"context"
	"reflect"
	"testing"

	"sallyport/agent/active"
	"sallyport/notify/forge"
	"sallyport/store"
)

// merged is a site on which jane's pull request 3 was merged by joe, and bob pushed to it in her name.
type merged struct{ active.ForgeChanges }

func (merged) PullRequest(context.Context, int) (forge.PullRequest, error) {
	return forge.PullRequest{Number: 3, Author: forge.User{ID: 7, Login: "jane"}, MergedBy: forge.User{ID: 9, Login: "joe"}, Head: "h"}, nil
}

func (merged) Reviews(context.Context, forge.PullRequest) ([]forge.Review, error) { return nil, nil }

func (merged) Commits(context.Context, forge.PullRequest) (forge.Commits, error) {
	jane := forge.User{ID: 7, Login: "jane"}
	return forge.Commits{List: []forge.Commit{{Hash: "h", Author: jane, Committer: jane, AuthorEmail: "jane@example.com", CommitterEmail: "jane@example.com"}},
		Pushers: []forge.User{{ID: 8, Login: "bob"}, {ID: 70, Login: "renovate", Bot: true}}}, nil
}

// TestPushersAreMakers: who pushed may not approve it either, whatever the commits say of themselves. No bot approves anything.
func TestPushersAreMakers(t *testing.T) {
	tr := &tracer{site: merged{}, pulls: map[int]bool{}, known: map[string]forge.Commit{}, merges: map[string]bool{}, login: map[string]string{}}
	if err := tr.pull(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	want := []store.Maker{{Login: "jane"}, {Login: "joe"}, {Login: "bob"}, {Email: "jane@example.com", Login: "jane"}}
	if !reflect.DeepEqual(tr.origin.Makers, want) {
		t.Errorf("got %+v", tr.origin.Makers)
	}
}
