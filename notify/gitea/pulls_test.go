package gitea_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitea/giteatest"
)

func numbers(list []forge.PullRequest) string {
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprint(p.Number))
	}
	return strings.Join(out, " ")
}

// A poll reads the list again only where something moved, and nothing that moved is missed, within the same second neither.
func TestPolls(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	n := open(s, "1")
	ctx := deadline(t)
	poll := func(what string, changed bool, reads int) forge.PullRequest {
		t.Helper()
		before := s.Calls(giteatest.RoutePulls)
		list, did, err := client.OpenPullRequests(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if did != changed || s.Calls(giteatest.RoutePulls)-before != reads {
			t.Errorf("%s: changed %t after %d readings of the list, want %t, %d", what, did, s.Calls(giteatest.RoutePulls)-before, changed, reads)
		}
		if len(list) == 0 {
			return forge.PullRequest{}
		}
		return list[0]
	}
	poll("the first", true, 1)
	c.now = c.now.Add(5 * time.Minute)
	poll("the time before the first list is not known", false, 1) // it may have been made long before it came
	c.now = c.now.Add(time.Minute)
	poll("nothing new", false, 0)
	s.Push(infra, n, sha("2"))
	if p := poll("a push", true, 1); p.Head != sha("2") {
		t.Errorf("head %s", p.Head)
	}
	s.Push(infra, n, sha("3")) // within the second in which the list was read
	if p := poll("a push within the same second", true, 1); p.Head != sha("3") {
		t.Errorf("head %s", p.Head)
	}
	s.ForcePush(infra, n, "jane", sha("4"))
	poll("a force push", true, 1)
	settle := func() {
		t.Helper()
		c.now = c.now.Add(time.Minute)
		poll("once more, since what was read in the second of a change may be older than it", false, 1)
		c.now = c.now.Add(time.Minute)
		poll("nothing new any more", false, 0)
	}
	settle()
	s.ChangePull(infra, n, func(p *giteatest.Pull) { p.Title = "WIP: grow" })
	if p := poll("a draft", true, 1); !p.Draft {
		t.Errorf("no draft: %+v", p)
	}
	settle()
	fork := s.OpenPull(infra, giteatest.Pull{Author: "mallory", Title: "mine", Head: sha("5"), From: forkID})
	if p := poll("a fork's", true, 1); p.Number != fork || p.SameRepository() {
		t.Errorf("%+v", p)
	}
	settle()
	s.DeleteRepository("mallory/infra") // closes it without touching it
	poll("a fork that is deleted", false, 0)
	c.now = c.now.Add(10 * time.Minute)
	if p := poll("a list now and then", true, 1); p.Number != n {
		t.Errorf("%+v", p)
	}
	s.ClosePull(infra, n)
	poll("closed", true, 1)
}

// The deleted fork's pull request has no head repository, and is nobody's own.
func TestDeletedFork(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := s.OpenPull(infra, giteatest.Pull{Author: "mallory", Title: "mine", Head: sha("5"), From: forkID})
	s.DeleteRepository("mallory/infra")
	p := must[forge.PullRequest](t)(client.PullRequest(deadline(t), n))
	if p.SameRepository() || p.HeadRepository != 0 || p.Head != sha("5") || p.Open {
		t.Errorf("%+v", p)
	}
}

// A list of several pages that moves while it is read is read again; one that does not end is an error and no shorter list.
func TestListThatMoves(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := site(t, c, func(o *giteatest.Options) { o.PageLimit = 2 })
	client := client(t, s, c, nil)
	for i := range 5 {
		open(s, fmt.Sprint(i+1))
	}
	moved := false
	s.Before(giteatest.RoutePulls, func(call giteatest.Call) {
		if call.Query.Get("page") == "2" && !moved {
			moved = true
			s.ClosePull(infra, 5) // shifts one from the second page to the first
			open(s, "6")
		}
	})
	list, _, err := client.OpenPullRequests(deadline(t))
	if err != nil || numbers(list) != "6 4 3 2 1" {
		t.Errorf("%s, %v", numbers(list), err)
	}
	next := 7
	s.Before(giteatest.RoutePulls, func(call giteatest.Call) {
		if call.Query.Get("page") == "1" {
			s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "more", Head: fmt.Sprintf("%040x", next)})
			next++
		}
	})
	c.now = c.now.Add(time.Hour)
	if list, _, err := client.OpenPullRequests(deadline(t)); err == nil {
		t.Errorf("a list that never stands still is %s", numbers(list))
	}
}

// Of a merged pull request the head is what was merged, though its branch goes on and somebody approves what is there then.
func TestHeadOfAMergedOne(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := open(s, "1")
	s.Merge(infra, n, "bob", sha("f"))
	s.PushBy(infra, n, "mallory", sha("2"))
	s.Review(infra, n, "bob", "APPROVED") // of 2, which nobody merged
	ctx := deadline(t)
	p := must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	if p.Head != sha("1") || p.MergedBy != bob || p.MergeCommit != sha("f") || !p.Merged || p.Open {
		t.Errorf("%+v", p)
	}
	if who := forge.ApprovedBy(must[[]forge.Review](t)(client.Reviews(ctx, p)), p.Head); len(who) != 0 {
		t.Errorf("approved by %v", who)
	}
	landed := must[[]forge.PullRequest](t)(client.Landed(ctx, sha("f"), "main"))
	if len(landed) != 1 || landed[0].Head != sha("1") {
		t.Errorf("%+v", landed)
	}
}

// Who made a pull request: those whose e-mails its commits have, and those who pushed.
func TestCommits(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := open(s, "1")
	s.PushBy(infra, n, "bob", sha("2")) // a commit that says it is jane's
	s.AddCommit(infra, giteatest.Commit{SHA: sha("3"), AuthorEmail: "who@example.net", CommitterEmail: "who@example.net", Parents: []string{sha("2")}})
	s.Push(infra, n, sha("3"))
	ctx := deadline(t)
	p := must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	got := must[forge.Commits](t)(client.Commits(ctx, p))
	if got.Cut || len(got.List) != 3 || got.List[0].Hash != sha("1") || got.List[2].Author.ID != 0 || got.List[2].AuthorEmail != "who@example.net" {
		t.Errorf("%+v", got)
	}
	if !slices.Equal(got.Pushers, []forge.User{jane, bob}) {
		t.Errorf("pushed by %v", got.Pushers)
	}

	s.Lag()
	s.PushBy(infra, n, "carol", sha("4"))
	p = must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	if got, err := client.Commits(ctx, p); err == nil || !strings.Contains(err.Error(), "who pushed") {
		t.Errorf("a push that is not told yet: %+v, %v", got.Pushers, err)
	}
	asked := 0
	s.Before(giteatest.RouteTimeline, func(giteatest.Call) {
		if asked++; asked == 2 {
			s.CatchUp()
		}
	})
	if got, err := client.Commits(ctx, p); err != nil || !slices.Contains(got.Pushers, carol) {
		t.Errorf("%+v, %v", got.Pushers, err)
	}
	s.ForcePush(infra, n, "bob", sha("5"))
	p = must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	if got, err := client.Commits(ctx, p); err != nil || len(got.List) != 1 || !slices.Contains(got.Pushers, bob) {
		t.Errorf("after a force push: %+v, %v", got, err)
	}
	s.DeleteUser("carol")
	if got, err := client.Commits(ctx, p); err != nil || !got.Cut {
		t.Errorf("pushed by an account that is gone: %+v, %v", got, err)
	}
}

// A push that Gitea comes to after the merge is told without its commits, or never. There may have been another one, so nobody knows
// whose the head is.
func TestPushBeforeTheMerge(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := open(s, "1")
	s.Lag()
	s.PushBy(infra, n, "bob", sha("2"))
	s.Merge(infra, n, "carol", sha("a"))
	s.CatchUp()
	ctx := deadline(t)
	p := must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	if got, err := client.Commits(ctx, p); err != nil || !got.Cut || !slices.Contains(got.Pushers, bob) {
		t.Errorf("told without its commits: %+v, %v", got, err)
	}

	n = open(s, "3")
	s.Lag()
	s.PushBy(infra, n, "bob", sha("4"))
	s.Merge(infra, n, "carol", sha("b"))
	s.Forget()
	p = must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	if got, err := client.Commits(ctx, p); err != nil || !got.Cut {
		t.Errorf("never told: %+v, %v", got, err)
	}

	n = open(s, "5")
	s.Lag()
	s.PushBy(infra, n, "bob", sha("6"))
	p = must[forge.PullRequest](t)(client.PullRequest(ctx, n))
	var e *wire.Error
	if got, err := client.Commits(ctx, p); !errors.As(err, &e) || e.Everything() || e.Final() {
		t.Errorf("of an open one, which may still be told: %+v, %v", got, err)
	}
}

// A push counts though a page of the timeline has nothing but words on lines before it.
func TestPushAfterManyWords(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	n := open(s, "1")
	for range 120 {
		s.Review(infra, n, "bob", "COMMENT")
	}
	s.PushBy(infra, n, "mallory", sha("2"))
	ctx := deadline(t)
	got := must[forge.Commits](t)(client.Commits(ctx, must[forge.PullRequest](t)(client.PullRequest(ctx, n))))
	if !slices.Contains(got.Pushers, mallory) {
		t.Errorf("%+v", got.Pushers)
	}
}

// More commits than are read hold: nobody knows who made the others.
func TestManyCommits(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	var hashes []string
	for i := range 251 {
		hashes = append(hashes, fmt.Sprintf("%040x", i+1))
	}
	n := s.OpenPull(infra, giteatest.Pull{Author: "jane", Title: "much", Head: hashes[250], Commits: hashes})
	ctx := deadline(t)
	got := must[forge.Commits](t)(client.Commits(ctx, must[forge.PullRequest](t)(client.PullRequest(ctx, n))))
	if len(got.List) != 251 && !got.Cut {
		t.Errorf("%d commits, and not cut", len(got.List))
	}
}
