package github_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/notify/github"
	"sallyport/notify/github/githubtest"
	"sallyport/store"
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
			if err := c.SetStatus(deadline(t), sha("a"), github.Status{Context: "sallyport/ghe", State: github.Pending, Description: tt.description, TargetURL: tt.target}); err != nil {
				t.Fatal(err)
			}
			st, _ := s.Status(infra, sha("a"), "sallyport/ghe")
			if st.Description != tt.want || st.TargetURL != tt.wantTarget || st.State != "pending" {
				t.Errorf("got %+v", st)
			}
		})
	}
	if err := c.SetStatus(deadline(t), sha("9"), github.Status{Context: "sallyport/ghe", State: github.Success}); github.KindOf(err) != github.Invalid {
		t.Errorf("a commit that GitHub does not have: %v", err)
	}
	before := s.Calls("")
	if err := c.SetStatus(deadline(t), "main", github.Status{State: github.Success}); err == nil || s.Calls("") != before {
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
	if err := c.SetStatus(deadline(t), sha("a"), st); !github.Unknown(err) {
		t.Fatalf("got %v", err)
	}
	if err := c.SetStatus(deadline(t), sha("a"), st); err != nil {
		t.Fatal(err)
	}
	if list := s.Statuses(infra, sha("a"), "sallyport/GHE"); len(list) != 2 || list[1].Description != "applied" {
		t.Errorf("%+v", list)
	}
}

func plan() *store.Plan {
	return &store.Plan{Add: 1, Destroy: 1, Changes: []store.Change{
		{Address: "aws_instance.old", Actions: []string{"delete"}, Class: store.ClassConfig},
		{Address: "aws_instance.ghe", Actions: []string{"create"}, Class: store.ClassConfig},
	}}
}

func TestRunStatus(t *testing.T) {
	apply := &store.Apply{Done: 3, Total: 7}
	only := func(addresses ...string) *store.Plan {
		p := &store.Plan{Add: len(addresses)}
		for _, a := range addresses {
			p.Changes = append(p.Changes, store.Change{Address: a, Actions: []string{"create"}})
		}
		return p
	}
	tests := map[string]struct {
		run   github.Run
		state github.State
		want  string
	}{
		"pending":                 {github.Run{Status: store.Pending}, github.Pending, "waiting to be planned"},
		"held":                    {github.Run{Status: store.Pending, Held: "network: its apply\nfailed"}, github.Pending, "held: network: its apply failed"},
		"planning":                {github.Run{Status: store.Planning}, github.Pending, "planning"},
		"planned":                 {github.Run{Status: store.Planned, Plan: plan()}, github.Pending, "waiting for approval: 1 to create, 1 to destroy"},
		"planned, one of two":     {github.Run{Status: store.Planned, Plan: only("a.b"), Got: 1, Needed: 2}, github.Pending, "waiting for approval (1 of 2): 1 to create, nothing destroyed"},
		"planned, held":           {github.Run{Status: store.Planned, Plan: only("a.b"), Held: "paused"}, github.Pending, "waiting for approval: 1 to create, nothing destroyed: paused"},
		"approved":                {github.Run{Status: store.Approved, Plan: plan(), By: []string{"jane"}}, github.Pending, "approved by jane: 1 to create, 1 to destroy"},
		"applying":                {github.Run{Status: store.Applying, Apply: apply}, github.Pending, "applying 3 of 7"},
		"applying, nothing known": {github.Run{Status: store.Applying}, github.Pending, "applying"},
		"applied":                 {github.Run{Status: store.Applied, Plan: plan(), By: []string{"jane", "bob"}}, github.Success, "applied by jane, bob: 1 created, 1 destroyed"},
		"applied by many":         {github.Run{Status: store.Applied, Plan: plan(), By: []string{"a", "b", "c", "d", "e"}}, github.Success, "applied by a, b, c and 2 more: 1 created, 1 destroyed"},
		"applied by a policy":     {github.Run{Status: store.Applied, Plan: plan(), By: []string{"policy:recreate"}}, github.Success, "applied by policy:recreate: 1 created, 1 destroyed"},
		"applied, no plan known":  {github.Run{Status: store.Applied, By: []string{"jane"}}, github.Success, "applied by jane"},
		"no changes":              {github.Run{Status: store.NoChanges}, github.Success, "no changes"},
		"previewed":               {github.Run{Status: store.Previewed, Plan: plan()}, github.Success, "1 to create, 1 to destroy"},
		"previewed, nothing":      {github.Run{Status: store.Previewed, Plan: &store.Plan{Empty: true}}, github.Success, "nothing to change"},
		"plan errored":            {github.Run{Status: store.Errored, Text: "canary in an error"}, github.Failure, "the plan failed, nothing was changed"},
		"apply errored":           {github.Run{Status: store.Errored, Apply: apply}, github.Failure, "the apply failed after 3 of 7; the state may be partly changed"},
		"interrupted":             {github.Run{Status: store.Interrupted, Apply: apply}, github.Failure, "interrupted after 3 of 7: nobody saw the end of the apply"},
		"interrupted, unknown":    {github.Run{Status: store.Interrupted}, github.Failure, "interrupted after an unknown part: nobody saw the end of the apply"},
		"discarded":               {github.Run{Status: store.Discarded, By: []string{"bob"}}, github.Failure, "denied by bob"},
		"superseded":              {github.Run{Status: store.Superseded, Held: "was held"}, github.Broken, "superseded by a newer run"},
		"expired":                 {github.Run{Status: store.Expired}, github.Broken, "expired: nobody decided in time"},
		"stale":                   {github.Run{Status: store.Stale}, github.Broken, "stale: the world moved since the plan"},
		"canceled":                {github.Run{Status: store.Canceled, By: []string{"jane\n\x1b[1m"}}, github.Broken, "canceled by jane"},
		"canceled while applying": {github.Run{Status: store.Canceled, By: []string{"jane"}, Apply: apply}, github.Broken, "canceled by jane after 3 of 7"},
		"of a later version":      {github.Run{Status: "blessed"}, github.Broken, "in a status that this version does not know"},
	}
	seen := map[store.Status]bool{}
	for name, tt := range tests {
		seen[tt.run.Status] = true
		t.Run(name, func(t *testing.T) {
			tt.run.Stack, tt.run.URL = "ghe", "https://slack.example/p"
			st := github.RunStatus(tt.run)
			if st.Context != "sallyport/ghe" || st.State != tt.state || st.Description != tt.want || st.TargetURL != tt.run.URL {
				t.Errorf("got %s %q, want %s %q", st.State, st.Description, tt.state, tt.want)
			}
		})
	}
	for from, to := range store.Transitions() {
		for _, status := range append(to, from) {
			if !seen[status] {
				t.Errorf("%s is not tested", status)
			}
		}
	}
}

// TestLongestStatus: with everything as long as it can be, it stays within what GitHub takes.
func TestLongestStatus(t *testing.T) {
	var people []string
	for i := range 50 {
		people = append(people, strings.Repeat("ü", 90)+fmt.Sprint(i))
	}
	many := &store.Plan{}
	for i := range 100000 {
		for _, actions := range [][]string{{"create"}, {"delete", "create"}, {"delete"}, {"update"}, {"forget"}, {"read"}} {
			if i%2 == 0 {
				many.Changes = append(many.Changes, store.Change{Actions: actions, Class: store.ClassRecreate})
			}
		}
	}
	for from, to := range store.Transitions() {
		for _, status := range append(to, from) {
			r := github.Run{Stack: strings.Repeat("s", 100), Status: status, Plan: many, By: people, Held: strings.Repeat("😀", 500), Got: 999, Needed: 9999,
				Apply: &store.Apply{Done: 99999, Total: 999999}}
			if n := utf8.RuneCountInString(github.RunStatus(r).Description); n > github.MaxDescription || n == 0 {
				t.Errorf("%s: %d characters", status, n)
			}
		}
	}
}

func TestOtherStatuses(t *testing.T) {
	if st := github.Untouched("ghe"); st.State != github.Success || st.Context != "sallyport/ghe" || st.Description != "not touched by this pull request" {
		t.Errorf("%+v", st)
	}
	if st := github.NotPlanned("ghe", "it comes from\na fork"); st.State != github.Pending || st.Description != "not planned: it comes from a fork" {
		t.Errorf("%+v", st)
	}
}
