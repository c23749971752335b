package github_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
)

func TestSetStatus(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	tests := map[string]struct {
		description, target string
		want, wantTarget    string
	}{
		"short":           {"planning", "https://slack.example/archives/C1/p2", "planning", "https://slack.example/archives/C1/p2"},
		"just long":       {strings.Repeat("x", 140), "", strings.Repeat("x", 140), ""},
		"too long":        {strings.Repeat("x", 141), "", strings.Repeat("x", 139) + "…", ""},
		"umlauts":         {strings.Repeat("ü", 141), "", strings.Repeat("ü", 139) + "…", ""},
		"two lines":       {"a\nb\x1b[31m", "", "a b", ""},
		"broken UTF-8":    {"a\xff", "", "a\ufffd", ""},
		"not to the web":  {"x", "javascript:alert(1)", "x", ""},
		"no URL":          {"x", "%zz", "x", ""},
		"relative target": {"x", "/archives", "x", ""},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		tt := tests[name]
		t.Run(name, func(t *testing.T) {
			if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, github.Status{Context: "sallyport/ghe", State: github.Pending, Description: tt.description, TargetURL: tt.target}); err != nil {
				t.Fatal(err)
			}
			st, _ := s.Status(infra, sha("a"), "sallyport/ghe")
			if st.Description != tt.want || st.TargetURL != tt.wantTarget || st.State != "pending" {
				t.Errorf("got %+v", st)
			}
		})
	}
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("9")}, github.Status{Context: "sallyport/ghe", State: github.Success}); github.KindOf(err) != github.Invalid {
		t.Errorf("a commit that GitHub does not have: %v", err)
	}
	before := s.Calls("")
	if err := c.SetStatus(deadline(t), forge.Head{Commit: "main"}, github.Status{State: github.Success}); err == nil || s.Calls("") != before {
		t.Errorf("no hash: %v", err)
	}
}

// TestStatusOfLostAnswer: setting a status again does no harm.
func TestStatusOfLostAnswer(t *testing.T) {
	s := site(t, nil)
	c := client(t, s, nil)
	s.OpenPull(infra, githubtest.Pull{Author: "jane", Head: sha("a")})
	st := github.Status{Context: "sallyport/ghe", State: github.Success, Description: "applied"}
	s.Fail(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.LoseAnswer})
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, st); !github.Unknown(err) {
		t.Fatalf("got %v", err)
	}
	if err := c.SetStatus(deadline(t), forge.Head{Commit: sha("a")}, st); err != nil {
		t.Fatal(err)
	}
	if list := s.Statuses(infra, sha("a"), "sallyport/GHE"); len(list) != 2 || list[1].Description != "applied" {
		t.Errorf("%+v", list)
	}
}
