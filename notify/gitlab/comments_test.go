package gitlab_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab/gitlabtest"
)

const marker = "<!-- sallyport:5d41402abc4b2a76 -->"

func TestPutComment(t *testing.T) {
	s := site(t, func(o *gitlabtest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	// Others write the marker too, and we have written other things.
	s.Comment(infra, n, "mallory", marker+"\nforged")
	s.Comment(infra, n, "jane", "> "+marker+"\nquoted")
	s.Comment(infra, n, "sallyport-bot", "not ours of this kind: "+marker)
	s.SystemNote(infra, n, "sallyport-bot", marker+"\nchanged the title")

	id := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\none"))
	again := must[int64](t)(c.PutComment(deadline(t), n, id, marker, marker+"\ntwo"))
	forgot := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\nthree"))
	same := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\nthree"))
	if again != id || forgot != id || same != id {
		t.Errorf("ids %d %d %d %d", id, again, forgot, same)
	}
	list := s.Comments(infra, n)
	if len(list) != 4 || list[3].ID != id || list[3].Body != marker+"\nthree" || len(list[3].Versions) != 3 {
		t.Errorf("comments: %+v", list)
	}
	for _, one := range list[:3] {
		if len(one.Versions) != 1 {
			t.Errorf("touched %q", one.Body)
		}
	}
	s.DeleteComment(infra, id)
	if anew := must[int64](t)(c.PutComment(deadline(t), n, id, marker, marker+"\nfour")); anew == id {
		t.Error("a deleted comment was edited")
	}
	if _, err := c.PutComment(deadline(t), n, 0, marker, "without"); err == nil {
		t.Error("a text without its marker would never be found again")
	}
	_, err := c.PutComment(deadline(t), n, 0, marker, marker+strings.Repeat("x", c.MaxComment()))
	if wire.KindOf(err) != wire.Invalid {
		t.Errorf("too long: %v", err)
	}
}

// TestPutCommentAfterLostAnswer: whatever became of the first try, there is one comment in the end.
func TestPutCommentAfterLostAnswer(t *testing.T) {
	for name, kind := range map[string]forgetest.FaultKind{
		"lost answer": forgetest.LoseAnswer, "late 502": forgetest.LateServerError, "half an answer": forgetest.Truncate,
		"dropped": forgetest.Drop, "502": forgetest.ServerError,
	} {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			s.Fail(gitlabtest.RouteComment, 1, forgetest.Fault{Kind: kind})
			_, err := c.PutComment(deadline(t), n, 0, marker, marker+"\none")
			var e *wire.Error
			if !errors.As(err, &e) || !e.Unknown {
				t.Fatalf("got %v", err)
			}
			must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\ntwo"))
			if list := s.Comments(infra, n); len(list) != 1 || list[0].Body != marker+"\ntwo" {
				t.Errorf("%+v", list)
			}
		})
	}
}

// TestLookingFails: while nobody knows whether there is a comment, none is made.
func TestLookingFails(t *testing.T) {
	for _, route := range []string{gitlabtest.RouteComments, gitlabtest.RouteUser, gitlabtest.RouteProject} {
		s := site(t, nil)
		c := client(t, s, nil)
		n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
		s.Fail(route, 2, forgetest.Fault{Kind: forgetest.ServerError})
		if _, err := c.PutComment(deadline(t), n, 0, marker, marker); wire.KindOf(err) != wire.Outage {
			t.Errorf("%s: %v", route, err)
		}
		if list := s.Comments(infra, n); len(list) != 0 {
			t.Errorf("%s: %+v", route, list)
		}
	}
}

// TestNoQuickActions: a plan's text cannot merge its own merge request.
func TestNoQuickActions(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	body := marker + "\n````text\n/merge\n  /fine\n/approve\n````\n/close\n"
	id := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, body))
	must[int64](t)(c.PutComment(deadline(t), n, id, marker, body+"/label ~x"))
	if got := s.Actions(infra, n); len(got) != 0 {
		t.Errorf("carried out %q", got)
	}
	if list := s.Comments(infra, n); !strings.Contains(list[0].Body, "\n /merge\n  /fine\n /approve\n") {
		t.Errorf("%q", list[0].Body)
	}
}

func TestComments(t *testing.T) {
	time := newClock()
	s := site(t, func(o *gitlabtest.Options) { o.Now, o.PageLimit = time.Now, 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	early := s.Comment(infra, n, "jane", "early")
	since := time.now.Add(1e9)
	time.now = time.now.Add(60e9)
	s.SystemNote(infra, n, "jane", "added 1 commit")
	plain := s.Comment(infra, n, "bob", "sallyport plan\u202e "+sha("a"))
	edited := s.Comment(infra, n, "carol", "innocent")
	bot := s.Comment(infra, n, "jane", "another")
	s.EditComment(infra, edited, "sallyport plan "+sha("a"))

	list := must[[]forge.Comment](t)(c.Comments(deadline(t), n, since))
	if len(list) != 3 || list[0].ID != plain || list[1].ID != edited || list[2].ID != bot {
		t.Fatalf("%+v", list)
	}
	if list[0].Edited() || !list[1].Edited() || list[0].Author != (forge.User{ID: 8, Login: "bob"}) {
		t.Errorf("%+v", list)
	}
	if strings.Contains(list[0].Body, "\u202e") {
		t.Errorf("%q has a character that turns the text around", list[0].Body)
	}
	s.EditComment(infra, early, "edited by a maintainer")
	all := must[[]forge.Comment](t)(c.Comments(deadline(t), n, since))
	if len(all) != 4 || all[0].ID != early || !all[0].Edited() || all[0].Author.Login != "jane" {
		t.Errorf("one that was edited since is missing: %+v", all)
	}
	s.DeleteUser("bob")
	if all := must[[]forge.Comment](t)(c.Comments(deadline(t), n, since)); all[1].Author.ID != 0 {
		t.Errorf("an account that is gone: %+v", all[1])
	}
}

// TestEndlessComments: a list that does not end is an error and no shorter list.
func TestEndlessComments(t *testing.T) {
	s := site(t, func(o *gitlabtest.Options) { o.PageLimit = 1 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
	for range 60 {
		s.Comment(infra, n, "jane", "more")
	}
	if list, err := c.Comments(deadline(t), n, time.Time{}); err == nil || list != nil {
		t.Errorf("%d comments, %v", len(list), err)
	}
}
