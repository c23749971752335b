package gitea_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/gitea/giteatest"
)

const marker = "<!-- sallyport:test -->"

// The one comment is edited in place, whatever happens to answers, and nobody else's is taken for it.
func TestPutComment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(s *giteatest.Server, n int) (known int64)
		errs   int // how often it fails first
		bodies int // comments that are there afterwards
	}{
		"the first":              {func(*giteatest.Server, int) int64 { return 0 }, 0, 1},
		"a known one":            {func(s *giteatest.Server, n int) int64 { return s.Comment(infra, n, bot, marker+"old") }, 0, 1},
		"one that was forgotten": {func(s *giteatest.Server, n int) int64 { s.Comment(infra, n, bot, marker+"old"); return 0 }, 0, 1},
		"one that somebody deleted": {func(s *giteatest.Server, n int) int64 {
			id := s.Comment(infra, n, bot, marker)
			s.DeleteComment(infra, id)
			return id
		}, 0, 1},
		"one that somebody else wrote over": {func(s *giteatest.Server, n int) int64 {
			id := s.Comment(infra, n, bot, marker)
			s.EditComment(infra, id, "mine")
			return id
		}, 0, 1},
		"somebody else's with the marker": {func(s *giteatest.Server, n int) int64 { s.Comment(infra, n, "mallory", marker+"lies"); return 0 }, 0, 2},
		"ours that only quotes it":        {func(s *giteatest.Server, n int) int64 { s.Comment(infra, n, bot, "> "+marker); return 0 }, 0, 2},
		"an answer that is lost": {func(s *giteatest.Server, _ int) int64 {
			s.Fail(giteatest.RouteComment, 1, forgetest.Fault{Kind: forgetest.LoseAnswer})
			return 0
		}, 1, 1},
		"a 502 after it was made": {func(s *giteatest.Server, _ int) int64 {
			s.Fail(giteatest.RouteComment, 1, forgetest.Fault{Kind: forgetest.LateServerError})
			return 0
		}, 1, 1},
		"half of an answer": {func(s *giteatest.Server, _ int) int64 {
			s.Fail(giteatest.RouteComment, 1, forgetest.Fault{Kind: forgetest.Truncate})
			return 0
		}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			n := open(s, "1")
			known := c.before(s, n)
			ctx := deadline(t)
			for i := range c.errs {
				if _, err := client.PutComment(ctx, n, known, marker, marker+"new"); err == nil {
					t.Fatalf("no error the %d. time", i+1)
				}
			}
			id, err := client.PutComment(ctx, n, known, marker, marker+"new")
			if err != nil {
				t.Fatal(err)
			}
			list := s.Comments(infra, n)
			found := false
			for _, one := range list {
				found = found || one.ID == id && one.Body == marker+"new" && one.Author == bot
			}
			if !found || len(list) != c.bodies {
				t.Errorf("%d of %+v", id, list)
			}
		})
	}
}

// Comments that were edited are told apart, within the second in which they were made too where that can be seen.
func TestEdited(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	n := open(s, "1")
	s.Comment(infra, n, "jane", "old and left alone")
	changed := s.Comment(infra, n, "jane", "old")
	c.now = c.now.Add(time.Minute)
	s.EditComment(infra, changed, "new, by whoever may write")
	young := s.Comment(infra, n, "bob", "young")
	seen := 0
	s.Before(giteatest.RouteComments, func(giteatest.Call) {
		if seen++; seen == 2 { // the second has passed for us; Gitea would write down the same one if it had not
			s.EditComment(infra, young, "sallyport plan "+sha("1"))
			s.Backdate(infra, young)
		}
	})
	list := must[[]forge.Comment](t)(client.Comments(deadline(t), n, time.Time{}))
	want := map[string]bool{"old and left alone": false, "new, by whoever may write": true, "sallyport plan " + sha("1"): true}
	for _, one := range list {
		if edited, known := want[one.Body]; !known || edited != one.Edited() {
			t.Errorf("%q: edited %t", one.Body, one.Edited())
		}
	}
	if len(list) != 3 || seen != 2 {
		t.Errorf("%d comments after %d readings", len(list), seen)
	}
	before := s.Calls(giteatest.RouteComments)
	must[[]forge.Comment](t)(client.Comments(deadline(t), n, c.now.Add(-time.Second)))
	if n := s.Calls(giteatest.RouteComments) - before; n != 1 {
		t.Errorf("comments that have settled were read %d times", n)
	}
}

// Comments without end are an error, and a comment of an account that is gone is nobody's.
func TestCommentsWithoutEnd(t *testing.T) {
	t.Parallel()
	s, client, c := both(t)
	n := open(s, "1")
	s.Comment(infra, n, "carol", "bye")
	s.DeleteUser("carol")
	c.now = c.now.Add(time.Minute)
	list := must[[]forge.Comment](t)(client.Comments(deadline(t), n, time.Time{}))
	if len(list) != 1 || list[0].Author.ID != 0 {
		t.Errorf("%+v", list)
	}
	s.Before(giteatest.RouteComments, func(giteatest.Call) { s.Comment(infra, n, "bob", "and another one") })
	if list, err := client.Comments(deadline(t), n, time.Time{}); err == nil || !strings.Contains(err.Error(), "faster") {
		t.Errorf("%d comments, %v", len(list), err)
	}
}
