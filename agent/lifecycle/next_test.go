package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/lifecycle/votes"
	"sallyport/notify"
	"sallyport/store"
)

const (
	older = "1111111111111111111111111111111111111111" // is applied
	head  = "2222222222222222222222222222222222222222" // is planned
	newer = "3333333333333333333333333333333333333333"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// usual are the facts of a run in a status with nothing in its way: of a commit, an hour old, of a stack that was applied before.
func usual(status store.Status) lifecycle.Facts {
	run := &store.Run{
		ID: 7, Stack: "net", Repository: "infra", Kind: store.KindCommit, Status: status, Commit: head, Head: head, CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Hour),
	}
	if status != store.Pending {
		run.Inputs = "in"
	}
	if status != store.Pending && status != store.Planning {
		run.Plan = &store.Plan{Digest: "d", Add: 1, Changes: []store.Change{{Address: "a.b", Actions: []string{"create"}}}}
		run.PlannedAt, run.PlannedUp, run.ExpiresAt = noon.Add(-time.Hour), store.Uptime{Boot: "b", Since: time.Hour}, noon.Add(23*time.Hour)
	}
	if status == store.Approved || status == store.Applying {
		run.Decisions = []store.Decision{{Verdict: store.Approve, By: "slack:U1", Person: "slack:U1", Digest: "d"}}
	}
	if status == store.Applying {
		run.Apply = &store.Apply{StartedAt: noon.Add(-time.Minute), StartedUp: store.Uptime{Boot: "b", Since: 2*time.Hour - time.Minute}}
	}
	return lifecycle.Facts{
		Now: clock.Reading{Wall: noon, Up: store.Uptime{Boot: "b", Since: 2 * time.Hour}}, Run: run,
		Config: lifecycle.Config{
			Stack:      &config.Stack{Name: "net", Repository: "infra", Engine: config.EngineTerraform, Inputs: "in", Approvals: 1, AllowSelfApproval: true},
			Repository: &config.Repository{Name: "infra"}, Current: true,
		},
		Store: lifecycle.Records{
			Agent: &store.AgentState{}, Repositories: map[string]*store.RepositoryState{"infra": {Name: "infra", Branch: "main", Head: head}},
			Stacks: map[string]*store.StackState{"net": {Name: "net", Repository: "infra", AppliedCommit: older, AppliedRun: 3, LastApply: 3, NewestRun: 7, OpenRun: 7, LastCommitRun: 7}},
			Runs:   map[int]*store.Run{3: {ID: 3, Status: store.Applied, Plan: &store.Plan{}}, 7: run},
		},
		Process: lifecycle.Process{Compared: true, Slots: lifecycle.Slots{TerraformLimit: 2, BuildLimit: 1, UserFree: true, AloneFree: true}},
	}
}

// said is a step in one line: what is done, to which status, and why.
func said(s lifecycle.Step) string {
	parts := []string{string(s.Do)}
	if s.Do == lifecycle.Move {
		parts = append(parts, string(s.To))
	}
	if s.Reason.Why != "" {
		parts = append(parts, s.Reason.Why)
	}
	return strings.Join(parts, " ")
}

// matches compares what was said with how it should begin; a star stands for anything.
func matches(got, want string) bool {
	for i, part := range strings.Split(want, "*") {
		at := strings.Index(got, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		got = got[at+len(part):]
	}
	return true
}

// Every event in every status: what becomes of a run. A step that applies is one to which nothing is an objection, and a run that
// stays where it is says why, or waits for people.
func TestEveryEventInEveryStatus(t *testing.T) {
	for _, e := range events() {
		for i, status := range statuses {
			t.Run(fmt.Sprintf("%s/%s", e.name, status), func(t *testing.T) {
				f := usual(status)
				e.is(&f)
				step := lifecycle.Next(f)
				if got := said(step); !matches(got, e.want[i]) || e.want[i] == "hold" && got != "hold" {
					t.Errorf("%s\nbut it is %q (rule %q), want %q", e.row, got, step.Rule, e.want[i])
				}
				sound(t, f, step)
			})
		}
	}
}

// sound checks what holds for every step whatever the facts are.
func sound(t interface {
	Helper()
	Errorf(string, ...any)
}, f lifecycle.Facts, step lifecycle.Step) {
	t.Helper()
	why := lifecycle.MayApply(f)
	if step.Do == lifecycle.Apply && why.Any() {
		t.Errorf("it is applied, although %s", why.Why)
	}
	if step.Rule == "" || step.Rule == "none" {
		t.Errorf("no rule says what becomes of it: %s", said(step))
	}
	if step.Do == lifecycle.Hold && !step.Reason.Any() && f.Run.Status != store.Planned {
		t.Errorf("it is held and nobody says why: rule %q", step.Rule)
	}
	if step.Do == lifecycle.Hold && step.Reason.Any() && step.Reason.Hint == "" && step.Rule != "its window is closed" && step.Reason.Recheck == 0 {
		t.Errorf("it is held, and neither is there anything to do nor is it looked at again: %s", said(step))
	}
	if step.Do == lifecycle.Move && !store.Allowed(f.Run.Status, step.To) {
		t.Errorf("a run that is %s cannot become %s", f.Run.Status, step.To)
	}
	if step.Do == lifecycle.Move && step.To.Terminal() && step.To != store.NoChanges && step.Reason.Why == "" {
		t.Errorf("it ends as %s and nobody says why", step.To)
	}
}

// What has ended stays as it is, whatever happens.
func TestWhatHasEnded(t *testing.T) {
	for _, status := range []store.Status{
		store.Applied, store.Errored, store.Interrupted, store.Stale, store.Discarded, store.Superseded, store.Expired, store.NoChanges, store.Previewed, store.Canceled,
	} {
		for _, kind := range []store.Kind{store.KindCommit, store.KindPullRequest} {
			t.Run(fmt.Sprintf("%s/%s", status, kind), func(t *testing.T) {
				f := usual(store.Approved)
				f.Run.Status, f.Run.Kind, f.Run.CancelBy = status, kind, "slack:U1"
				if got := said(lifecycle.Next(f)); got != "wait" {
					t.Errorf("a run that is %s: %q", status, got)
				}
				if why := lifecycle.MayApply(f); !why.Any() {
					t.Errorf("a run that is %s may be applied", status)
				}
				if due.MayBeSuperseded(f.Run) {
					t.Error("it may be superseded")
				}
			})
		}
	}
}

// A status that this version does not know is shown and not guessed at.
func TestUnknownStatus(t *testing.T) {
	for _, status := range []store.Status{"", "rolled_back"} {
		f := usual(store.Approved)
		f.Run.Status = status
		if step := lifecycle.Next(f); step.Do != lifecycle.Hold || step.Reason.Why == "" || step.Reason.Hint == "" {
			t.Errorf("status %q: %+v", status, step)
		}
		if !lifecycle.MayApply(f).Any() {
			t.Errorf("a run that is %q may be applied", status)
		}
	}
	if step := lifecycle.Next(lifecycle.Facts{}); step.Do != lifecycle.Hold || !lifecycle.MayApply(lifecycle.Facts{}).Any() {
		t.Errorf("of nothing: %+v", step)
	}
}

// What people say, by the status of the run that they say it of.
func TestEveryDecisionInEveryStatus(t *testing.T) {
	all := append(statuses[:], store.Applied, store.Discarded, store.Superseded, store.Expired, store.Stale, store.NoChanges)
	for _, test := range []struct {
		name string
		row  string
		v    votes.Vote
		is   func(*lifecycle.Facts)
		want func(store.Status) string // the refusal; empty: it counts
	}{
		{"approve", "approve counts once there is a plan, and is noted of an approved run", votes.Vote{Words: notify.Words{Verdict: store.Approve}}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "", store.Approved: "", store.Applying: "is already applying"}[s]
		}},
		{"deny", "deny ends what waits; cancel is the word for what is applying", votes.Vote{Words: notify.Words{Verdict: store.Deny}}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "", store.Approved: "", store.Applying: "`cancel` is the word"}[s]
		}},
		{"approve with another plan's digest", "a digest binds an approval to the plan that was read", votes.Vote{Words: notify.Words{Verdict: store.Approve}, Digest: "eeeeeeeeeeee"}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "you decided about another one", store.Approved: "you decided about another one", store.Applying: "is already applying"}[s]
		}},
		{"approve, typed before the plan was shown", "what was typed of the plan before is about that plan", votes.Vote{Words: notify.Words{Verdict: store.Approve}, Early: true}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "has taken its place", store.Approved: "has taken its place", store.Applying: "is already applying"}[s]
		}},
		{"approve of an observed stack", "an observed stack is never applied", votes.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Config.Stack.Mode = config.ModeObserve }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "is only observed", store.Approved: "is only observed", store.Applying: "is already applying"}[s]
		}},
		{"approve after plan_ttl", "an expired plan takes no votes", votes.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Now.Wall = noon.Add(24 * time.Hour); f.Now.Up.Since += 24 * time.Hour }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "expired at", store.Approved: "expired at", store.Applying: "is already applying"}[s]
		}},
		{"approve of a stack that left", "a stack that left the configuration takes no votes", votes.Vote{Words: notify.Words{Verdict: store.Approve}}, func(f *lifecycle.Facts) { f.Config.Stack = nil }, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "is not in the configuration any more", store.Approved: "is not in the configuration any more", store.Applying: "is already applying"}[s]
		}},
		{"a word that is neither", "nothing is decided by a word that is neither", votes.Vote{}, nil, func(s store.Status) string {
			return map[store.Status]string{store.Pending: "is not planned yet", store.Planning: "is not planned yet", store.Planned: "nothing was decided", store.Approved: "nothing was decided", store.Applying: "is already applying"}[s]
		}},
	} {
		for _, status := range all {
			t.Run(fmt.Sprintf("%s/%s", test.name, status), func(t *testing.T) {
				f := usual(status)
				if test.is != nil {
					test.is(&f)
				}
				want := test.want(status)
				if status.Terminal() {
					want = "has ended: " + string(status)
				}
				err := votes.Decidable(f.Run, f.Config.Stack, test.v, f.Now)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s\nbut it is answered %v, want %q", test.row, err, want)
				}
			})
		}
	}
}

// A newer commit, and a person's plan or recover, take the place of every run that is not applying.
func TestWhatTakesTheirPlace(t *testing.T) {
	for _, status := range statuses {
		if got := due.MayBeSuperseded(usual(status).Run); got != (status != store.Applying) {
			t.Errorf("a run that is %s may be superseded: %t", status, got)
		}
	}
}

// Every condition of an apply, alone, stops it: when the run is looked at and in the transaction that decides.
func TestEveryConditionOfAnApply(t *testing.T) {
	uses := func(f *lifecycle.Facts, changed, seen int) {
		f.Config.Stack.DependsOn = []string{"vpc"}
		own(f).Upstreams = map[string]int{"vpc": seen}
		f.Store.Stacks["vpc"] = &store.StackState{Name: "vpc", Changed: changed}
	}
	policy := func(f *lifecycle.Facts) {
		f.Config.Stack.AutoApply, f.Config.Stack.AutoApplyLimit = config.PolicyAlways, 3
		f.Run.Decisions = []store.Decision{{Verdict: store.Approve, By: "policy:always", Person: "policy:always", Digest: "d"}}
	}
	for _, test := range []struct {
		name string
		is   func(f *lifecycle.Facts)
		want string // empty: it may be applied
	}{
		{"all of them are met", func(*lifecycle.Facts) {}, ""},
		{"there is no run", func(f *lifecycle.Facts) { f.Run = nil }, "is not known"},
		{"there is no plan", func(f *lifecycle.Facts) { f.Run.Plan = nil }, "is not known"},
		{"there is no stack", func(f *lifecycle.Facts) { f.Config.Stack = nil }, "is not known"},
		{"its stack's record was not read", func(f *lifecycle.Facts) { f.Store.Stacks = nil }, "could be read"},
		{"its repository's record was not read", func(f *lifecycle.Facts) { f.Store.Repositories = nil }, "could be read"},
		{"the agent's record was not read", func(f *lifecycle.Facts) { f.Store.Agent = nil }, "could be read"},
		{"it is planned", func(f *lifecycle.Facts) { f.Run.Status = store.Planned }, "it is planned, and only what is approved is applied"},
		{"it is applying already", func(f *lifecycle.Facts) { f.Run.Status = store.Applying }, "it is applying"},
		{"it is a preview", func(f *lifecycle.Facts) { f.Run.Kind = store.KindPullRequest }, `runs of the kind "pull_request" are never applied`},
		{"it is of a kind that this version does not know", func(f *lifecycle.Facts) { f.Run.Kind = "night" }, `runs of the kind "night" are never applied`},
		{"the configuration was read again meanwhile", func(f *lifecycle.Facts) { f.Config.Current = false }, "was read again"},
		{"the stack is of another repository", func(f *lifecycle.Facts) { f.Config.Stack.Repository = "other" }, "is of repository other"},
		{"the stack is observed", func(f *lifecycle.Facts) { f.Config.Stack.Mode = config.ModeObserve }, "only observed"},
		{"it was planned with other inputs", func(f *lifecycle.Facts) { f.Config.Stack.Inputs = "other" }, "not those that it was planned with"},
		{"nobody knows what it was planned with", func(f *lifecycle.Facts) { f.Run.Inputs = "" }, "not those that it was planned with"},
		{"it is canceled", func(f *lifecycle.Facts) { f.Run.CancelBy = "cli:jane" }, "canceled by cli:jane"},
		{"it destroys too much", func(f *lifecycle.Facts) { f.Run.Plan.Destroy, f.Config.Stack.MaxDestroy = 1, limit(0) }, "max_destroy"},
		{"its time is over", func(f *lifecycle.Facts) { f.Now.Wall, f.Now.Up.Since = noon.Add(24*time.Hour), 26*time.Hour }, "could not be applied in time"},
		{"the clock jumped", func(f *lifecycle.Facts) { f.Now.Wall = noon.AddDate(1, 0, 0) }, "jumped"},
		{"nobody approves", func(f *lifecycle.Facts) { f.Run.Decisions = nil }, "0 of 1 approval"},
		{"one of two approves", func(f *lifecycle.Facts) { f.Config.Stack.Approvals = 2 }, "1 of 2 approvals"},
		{"an approval is of another plan", func(f *lifecycle.Facts) { f.Run.Decisions[0].Digest = "other" }, "0 of 1 approval"},
		{"the plan is another one", func(f *lifecycle.Facts) { f.Run.Plan.Digest = "other" }, "0 of 1 approval"},
		{"the plan was made again with the same changes", func(f *lifecycle.Facts) { f.Run.Plan.Digest, f.Run.Plan.ApprovedDigest = "e", "d" }, ""},
		{"a policy approved it", policy, ""},
		{"a policy approved it that is another one now", func(f *lifecycle.Facts) { policy(f); f.Config.Stack.AutoApply = config.PolicyRecreate }, "auto_apply is another one now"},
		{"a policy approved it and its limit is used up", func(f *lifecycle.Facts) { policy(f); f.Config.Stack.AutoApplyLimit = 0 }, "auto_apply_limit"},
		{"a policy approved it and the last apply was interrupted", func(f *lifecycle.Facts) {
			policy(f)
			own(f).LastApply, own(f).AppliedRun = 5, 3
			f.Store.Runs[5] = &store.Run{ID: 5, Status: store.Interrupted}
		}, "#5 was interrupted"},
		{"a policy approved it and the last apply was not read", func(f *lifecycle.Facts) { policy(f); own(f).LastApply = 5 }, "not all that it decides on is known"},
		{"the agent is paused", func(f *lifecycle.Facts) { f.Store.Agent.Paused = pause }, "the agent is paused"},
		{"the stack is paused", func(f *lifecycle.Facts) { own(f).Paused = pause }, "the stack is paused"},
		{"its state is worked on", func(f *lifecycle.Facts) { own(f).Occupied = pause }, "is being worked on"},
		{"a freeze began", func(f *lifecycle.Facts) {
			f.Config.Stack.Freezes = []calendar.Freeze{{From: noon, To: noon.Add(time.Hour)}}
		}, "frozen until"},
		{"the window closed", func(f *lifecycle.Facts) {
			f.Config.Stack.ApplyWindows = []calendar.Window{{Schedule: "0 10 * * *", Duration: 2 * time.Hour}}
		}, "outside the apply window"},
		{"the window closes in a minute", func(f *lifecycle.Facts) {
			f.Config.Stack.ApplyWindows = []calendar.Window{{Schedule: "0 10 * * *", Duration: 121 * time.Minute}}
		}, ""},
		{"the newest commits are not trusted", func(f *lifecycle.Facts) { f.Config.Repository.RequireReview = true }, "known to be trusted"},
		{"what it depends on changed since", func(f *lifecycle.Facts) { uses(f, 9, 3) }, "vpc was changed by #9 since it was planned"},
		{"what it depends on was destroyed since", func(f *lifecycle.Facts) {
			uses(f, 9, 3)
			f.Store.Stacks["vpc"].Destroyed = &store.Destroyed{Run: 9}
		}, "vpc was changed by #9 (destroyed) since it was planned"},
		{"what it depends on did not change since", func(f *lifecycle.Facts) { uses(f, 3, 3) }, ""},
		{"what it depends on changed since, and a person asked for it", func(f *lifecycle.Facts) { uses(f, 9, 3); f.Run.Kind = store.KindManual }, ""},
		{"what it depends on was not read", func(f *lifecycle.Facts) { uses(f, 9, 3); delete(f.Store.Stacks, "vpc") }, "nobody knows whether what it depends on has changed"},
		{"the newest commit was not compared", func(f *lifecycle.Facts) { f.Process.Compared, f.Store.Repositories["infra"].Head = false, newer }, "is newer"},
		{"the newest commit is its own", func(f *lifecycle.Facts) { f.Process.Compared = false }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := usual(store.Approved)
			test.is(&f)
			why := lifecycle.MayApply(f)
			if why.Any() != (test.want != "") || !strings.Contains(why.Why, test.want) {
				t.Errorf("it says %q, want %q", why.Why, test.want)
			}
			if step := lifecycle.Next(f); (step.Do == lifecycle.Apply) == why.Any() {
				t.Errorf("the next step is %q although MayApply says %q", said(step), why.Why)
			}
		})
	}
}
