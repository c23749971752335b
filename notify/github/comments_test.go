package github_test

import (
	"strings"
	"testing"

	"sallyport/notify/forge/report"
	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
)

func TestPutComment(t *testing.T) {
	marker := report.Marker("5d41402abc4b2a76")
	s := site(t, func(o *githubtest.Options) { o.PageLimit = 2 })
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	// Others write the marker too, and we have written other things.
	s.Comment(infra, n, "mallory", marker+"\nforged")
	s.Comment(infra, n, "jane", "> "+marker+"\nquoted")
	s.Comment(infra, n, "sallyport-bot", "not ours of this kind: "+marker)
	s.Comment(infra, n, "sallyport-bot", report.Marker("another-agent")+"\nof another bastion")

	id := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\none"))
	again := must[int64](t)(c.PutComment(deadline(t), n, id, marker, marker+"\ntwo"))
	forgot := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\nthree"))
	same := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\nthree"))
	if again != id || forgot != id || same != id {
		t.Errorf("ids %d %d %d %d", id, again, forgot, same)
	}
	list := s.Comments(infra, n)
	if len(list) != 5 || list[4].ID != id || list[4].Body != marker+"\nthree" || len(list[4].Versions) != 3 {
		t.Errorf("comments:\n%s", s.Transcript())
	}
	for _, one := range list[:4] {
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
}

// TestPutCommentAfterLostAnswer: whatever became of the first try, there is one comment in the end.
func TestPutCommentAfterLostAnswer(t *testing.T) {
	marker := report.Marker("a")
	for name, kind := range map[string]githubtest.FaultKind{
		"lost answer": githubtest.LoseAnswer, "late 502": githubtest.LateServerError, "half an answer": githubtest.Truncate,
		"dropped": githubtest.Drop, "502": githubtest.ServerError,
	} {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
			s.Fail(githubtest.RouteComment, 1, githubtest.Fault{Kind: kind})
			_, err := c.PutComment(deadline(t), n, 0, marker, marker+"\none")
			if !github.Unknown(err) {
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
	marker := report.Marker("a")
	for _, route := range []string{githubtest.RouteComments, githubtest.RouteUser} {
		s := site(t, nil)
		c := client(t, s, nil)
		n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
		s.Fail(route, 1, githubtest.Fault{Kind: githubtest.ServerError})
		if _, err := c.PutComment(deadline(t), n, 0, marker, marker); github.KindOf(err) != github.Outage {
			t.Errorf("%s: %v", route, err)
		}
		if len(s.Comments(infra, n)) != 0 {
			t.Errorf("%s: commented blindly", route)
		}
	}
}

func TestTwoOfOurs(t *testing.T) {
	marker := report.Marker("a")
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	first := s.Comment(infra, n, "sallyport-bot", marker+"\n1")
	s.Comment(infra, n, "sallyport-bot", marker+"\n2")
	if id := must[int64](t)(c.PutComment(deadline(t), n, 0, marker, marker+"\n3")); id != first {
		t.Errorf("edited %d, the oldest is %d", id, first)
	}
}

func TestLongComments(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	tests := map[string]struct {
		body string
		fits bool
	}{
		"just":           {strings.Repeat("x", github.MaxComment), true},
		"one more":       {strings.Repeat("x", github.MaxComment+1), false},
		"umlauts":        {strings.Repeat("ü", github.MaxComment), true},
		"beyond the BMP": {strings.Repeat("😀", github.MaxComment/2+1), false},
		"empty":          {" \n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := s.Calls(githubtest.RouteComment)
			_, err := c.CreateComment(deadline(t), n, tt.body)
			if (err == nil) != tt.fits || !tt.fits && (github.KindOf(err) != github.Invalid || s.Calls(githubtest.RouteComment) != before) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestForeignCommentIsNotEdited(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	n := s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	id := s.Comment(infra, n, "jane", "mine")
	if err := c.EditComment(deadline(t), id, "ours"); github.KindOf(err) != github.Forbidden {
		t.Errorf("got %v", err)
	}
}
