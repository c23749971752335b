package report_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/notify/forge"
	"sallyport/notify/forge/report"
	"sallyport/store"
)

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
		run   report.Run
		state forge.State
		want  string
	}{
		"pending":                 {report.Run{Status: store.Pending}, forge.Pending, "waiting to be planned"},
		"held":                    {report.Run{Status: store.Pending, Held: "network: its apply\nfailed"}, forge.Pending, "held: network: its apply failed"},
		"planning":                {report.Run{Status: store.Planning}, forge.Pending, "planning"},
		"planned":                 {report.Run{Status: store.Planned, Plan: plan()}, forge.Pending, "waiting for approval: 1 to create, 1 to destroy"},
		"planned, one of two":     {report.Run{Status: store.Planned, Plan: only("a.b"), Got: 1, Needed: 2}, forge.Pending, "waiting for approval (1 of 2): 1 to create, nothing destroyed"},
		"planned, held":           {report.Run{Status: store.Planned, Plan: only("a.b"), Held: "paused"}, forge.Pending, "waiting for approval: 1 to create, nothing destroyed: paused"},
		"approved":                {report.Run{Status: store.Approved, Plan: plan(), By: []string{"jane"}}, forge.Pending, "approved by jane: 1 to create, 1 to destroy"},
		"applying":                {report.Run{Status: store.Applying, Apply: apply}, forge.Pending, "applying 3 of 7"},
		"applying, nothing known": {report.Run{Status: store.Applying}, forge.Pending, "applying"},
		"applied":                 {report.Run{Status: store.Applied, Plan: plan(), By: []string{"jane", "bob"}}, forge.Success, "applied by jane, bob: 1 created, 1 destroyed"},
		"applied by many":         {report.Run{Status: store.Applied, Plan: plan(), By: []string{"a", "b", "c", "d", "e"}}, forge.Success, "applied by a, b, c and 2 more: 1 created, 1 destroyed"},
		"applied by a policy":     {report.Run{Status: store.Applied, Plan: plan(), By: []string{"policy:recreate"}}, forge.Success, "applied by policy:recreate: 1 created, 1 destroyed"},
		"applied, no plan known":  {report.Run{Status: store.Applied, By: []string{"jane"}}, forge.Success, "applied by jane"},
		"no changes":              {report.Run{Status: store.NoChanges}, forge.Success, "no changes"},
		"previewed":               {report.Run{Status: store.Previewed, Plan: plan()}, forge.Success, "1 to create, 1 to destroy"},
		"previewed, nothing":      {report.Run{Status: store.Previewed, Plan: &store.Plan{Empty: true}}, forge.Success, "nothing to change"},
		"plan errored":            {report.Run{Status: store.Errored, Text: "canary in an error"}, forge.Failure, "the plan failed, nothing was changed"},
		"apply errored":           {report.Run{Status: store.Errored, Apply: apply}, forge.Failure, "the apply failed after 3 of 7; the state may be partly changed"},
		"interrupted":             {report.Run{Status: store.Interrupted, Apply: apply}, forge.Failure, "interrupted after 3 of 7: nobody saw the end of the apply"},
		"interrupted, unknown":    {report.Run{Status: store.Interrupted}, forge.Failure, "interrupted after an unknown part: nobody saw the end of the apply"},
		"discarded":               {report.Run{Status: store.Discarded, By: []string{"bob"}}, forge.Failure, "denied by bob"},
		"superseded":              {report.Run{Status: store.Superseded, Held: "was held"}, forge.Broken, "superseded by a newer run"},
		"expired":                 {report.Run{Status: store.Expired}, forge.Broken, "expired: nobody decided in time"},
		"stale":                   {report.Run{Status: store.Stale}, forge.Broken, "stale: the world moved since the plan"},
		"canceled":                {report.Run{Status: store.Canceled, By: []string{"jane\n\x1b[1m"}}, forge.Broken, "canceled by jane"},
		"canceled while applying": {report.Run{Status: store.Canceled, By: []string{"jane"}, Apply: apply}, forge.Broken, "canceled by jane after 3 of 7"},
		"of a later version":      {report.Run{Status: "blessed"}, forge.Broken, "in a status that this version does not know"},
	}
	seen := map[store.Status]bool{}
	for name, tt := range tests {
		seen[tt.run.Status] = true
		t.Run(name, func(t *testing.T) {
			tt.run.Stack, tt.run.URL = "ghe", "https://slack.example/p"
			st := report.RunStatus(tt.run)
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
			r := report.Run{Stack: strings.Repeat("s", 100), Status: status, Plan: many, By: people, Held: strings.Repeat("😀", 500), Got: 999, Needed: 9999,
				Apply: &store.Apply{Done: 99999, Total: 999999}}
			if n := utf8.RuneCountInString(report.RunStatus(r).Description); n > report.MaxDescription || n == 0 {
				t.Errorf("%s: %d characters", status, n)
			}
		}
	}
}

func TestOtherStatuses(t *testing.T) {
	if st := report.Untouched("ghe", forge.Words{}); st.State != forge.Success || st.Context != "sallyport/ghe" || st.Description != "not touched by this pull request" {
		t.Errorf("%+v", st)
	}
	if st := report.NotPlanned("ghe", "it comes from\na fork"); st.State != forge.Pending || st.Description != "not planned: it comes from a fork" {
		t.Errorf("%+v", st)
	}
}
