package gitea_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitea/giteatest"
)

// A status is what is sent to Gitea, which takes anything: so it is cut and looked at before.
func TestStatus(t *testing.T) {
	t.Parallel()
	s, client, _ := both(t)
	s.AddCommit(infra, giteatest.Commit{SHA: sha("1")})
	ctx := deadline(t)
	at := forge.Head{Commit: sha("1"), Branch: "main"}
	for _, state := range []forge.State{forge.Pending, forge.Success, forge.Failure, forge.Broken} {
		for range 2 { // the same again is no error
			if err := client.SetStatus(ctx, at, forge.Status{Context: "sallyport/net", State: state, Description: "words", TargetURL: "https://slack.example/x"}); err != nil {
				t.Fatal(err)
			}
		}
		if st, _ := s.Status(infra, sha("1"), "sallyport/net"); st.State != string(state) || st.TargetURL != "https://slack.example/x" || st.Description != "words" {
			t.Errorf("%+v", st)
		}
	}
	if err := client.SetStatus(ctx, at, forge.Status{Context: "sallyport/net", State: forge.Success, Description: strings.Repeat("é\n", 100), TargetURL: "javascript:alert(1)"}); err != nil {
		t.Fatal(err)
	}
	if st, _ := s.Status(infra, sha("1"), "sallyport/net"); utf8.RuneCountInString(st.Description) > 140 || strings.Contains(st.Description, "\n") || st.TargetURL != "" {
		t.Errorf("%+v", st)
	}
	if list := s.Statuses(infra, sha("1"), "Sallyport/net"); len(list) != 0 {
		t.Errorf("contexts are told apart by case here: %+v", list)
	}
}

// What is refused, and whether sending it again can help.
func TestStatusRefused(t *testing.T) {
	t.Parallel()
	good := forge.Status{Context: "sallyport/net", State: forge.Pending}
	for name, c := range map[string]struct {
		commit string
		status forge.Status
		play   func(*giteatest.Server)
		kind   wire.Kind
		final  bool
	}{
		"a commit that the server does not know": {commit: sha("2"), status: good, kind: wire.Invalid, final: true},
		"a fault of the server, with a commit it knows": {commit: sha("1"), status: good, kind: wire.Busy, play: func(s *giteatest.Server) {
			s.Fail(giteatest.RouteStatus, 1, giteatest.Failure(500, ""))
		}},
		"a fault of the server, and it cannot be asked for the commit": {commit: sha("2"), status: good, kind: wire.Busy, play: func(s *giteatest.Server) {
			s.Fail(giteatest.RouteCommit, 1, forgetest.Fault{Kind: forgetest.ServerError})
		}},
		"a branch":           {commit: "main", status: good, kind: wire.Other},
		"a short hash":       {commit: "1111111", status: good, kind: wire.Other},
		"a word for a state": {commit: sha("1"), status: forge.Status{Context: "x", State: "bogus"}, kind: wire.Invalid, final: true},
		"no write access":    {commit: sha("1"), status: good, kind: wire.Forbidden, play: func(s *giteatest.Server) { s.SetAccess(infra, bot, "read") }},
		"a token that reads": {commit: sha("1"), status: good, kind: wire.Forbidden, play: func(s *giteatest.Server) { s.SetScopes("read:repository") }},
		"a lost answer": {commit: sha("1"), status: good, kind: wire.Outage, play: func(s *giteatest.Server) {
			s.Fail(giteatest.RouteStatus, 1, forgetest.Fault{Kind: forgetest.LoseAnswer})
		}},
		"a renamed repository": {commit: sha("1"), status: good, kind: wire.Moved, play: func(s *giteatest.Server) { s.Rename(infra, "ops/platform") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, _ := both(t)
			s.AddCommit(infra, giteatest.Commit{SHA: sha("1")})
			if c.play != nil {
				c.play(s)
			}
			err := client.SetStatus(deadline(t), forge.Head{Commit: c.commit}, c.status)
			var final bool
			if f, ok := err.(interface{ Final() bool }); ok {
				final = f.Final()
			}
			if err == nil || wire.KindOf(err) != c.kind || final != c.final {
				t.Errorf("%v (%s), final %t", err, wire.KindOf(err), final)
			}
			if name == "a renamed repository" {
				if n := len(s.Statuses("ops/platform", sha("1"), "")); n != 0 {
					t.Errorf("%d statuses at the new name, though nothing was followed", n)
				}
			}
		})
	}
}
