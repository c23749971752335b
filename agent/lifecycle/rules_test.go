package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/lifecycle"
	"sallyport/store"
)

// Who waits for a closed window, and what they are told.
func TestWaitsForWindow(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	hours := &config.Stack{Name: "net", ApplyWindows: []calendar.Window{{Schedule: "CRON_TZ=Europe/Berlin 0 9 * * 1-5", Duration: 8 * time.Hour}}}
	recover := store.Run{Stack: "net", Kind: store.KindManual, AtApplied: true, ExpiresAt: at("2026-10-05 00:00")}
	for _, test := range []struct {
		name   string
		change func(*store.Run)
		want   string // a star stands for anything; empty: it does not wait
		hint   string
	}{
		{"a recover brings nothing new", func(*store.Run) {}, "", ""},
		{"and so does what takes over from it", func(r *store.Run) { r.Kind = store.KindRecovery }, "", ""},
		{"a recover that replaces what is there does", func(r *store.Run) { r.Options.Replace = []string{"a.b"} }, "outside the apply window until 2026-10-02 09:00 CEST", ""},
		{"a plan at the head does", func(r *store.Run) { r.AtApplied = false }, "outside the apply window", ""},
		{"a commit does", func(r *store.Run) { r.Kind = store.KindCommit }, "outside the apply window", ""},
		{"what the agent asks for by itself waits", func(r *store.Run) { r.Kind = store.KindDrift }, "outside the apply window", ""},
		{"a plan that expires before that says so", func(r *store.Run) { r.Kind, r.ExpiresAt = store.KindCommit, at("2026-10-02 00:00") },
			"outside the apply window*; this plan expires before that, at 2026-10-02 00:00 UTC, so another one will have to be approved then", "a longer plan_ttl"},
		{"a plan that expires in that minute does, too", func(r *store.Run) { r.Kind, r.ExpiresAt = store.KindCommit, at("2026-10-02 07:00") }, "outside*; this plan expires before that", "a longer plan_ttl"},
		{"a plan that expires a minute later does not", func(r *store.Run) { r.Kind, r.ExpiresAt = store.KindCommit, at("2026-10-02 07:01") }, "outside the apply window until 2026-10-02 09:00 CEST", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := recover
			test.change(&run)
			got := lifecycle.WaitsForWindow(&run, hours, at("2026-10-01 20:00"))
			if got.Any() != (test.want != "") || !matches(got.Why, test.want) || !strings.HasPrefix(got.Hint, test.hint) || strings.Contains(got.Why, "expires") != strings.Contains(test.want, "expires") {
				t.Errorf("it says %q, hint %q, want %q", got.Why, got.Hint, test.want)
			}
			if got.Any() && (got.Recheck <= 0 || got.Recheck > time.Minute) {
				t.Errorf("it is looked at again after %s", got.Recheck)
			}
		})
	}
}

// What a run waits for of the stacks that its own depends on.
func TestUpstream(t *testing.T) {
	vpc := func(change func(*store.StackState), newest store.Run) func(*lifecycle.Facts) {
		return func(f *lifecycle.Facts) {
			st := &store.StackState{Name: "vpc", Repository: "infra", NewestRun: 5, AppliedRun: 5, LastCommitRun: 5}
			run := newest // one of its own for each case: they go side by side
			run.ID = 5
			f.Store.Runs[5] = &run
			f.Store.Stacks["vpc"] = st
			if change != nil {
				change(st)
			}
		}
	}
	ended := func(s store.Status) store.Run { return store.Run{Status: s, Kind: store.KindCommit} }
	far := func(change func(*lifecycle.Facts)) func(*lifecycle.Facts) { // vpc depends on dns
		return func(f *lifecycle.Facts) {
			vpc(nil, ended(store.Applied))(f)
			f.Config.Upstream["vpc"].DependsOn = []string{"dns"}
			f.Config.Upstream["dns"] = &config.Stack{Name: "dns", Repository: "infra"}
			f.Store.Stacks["dns"] = &store.StackState{Name: "dns", Repository: "infra", NewestRun: 4, OpenRun: 4}
			f.Store.Runs[4] = &store.Run{ID: 4, Status: store.Planned}
			change(f)
		}
	}
	for _, test := range []struct {
		name string
		is   func(*lifecycle.Facts)
		want string // empty: it waits for nothing
	}{
		{"it was applied", vpc(nil, ended(store.Applied)), ""},
		{"it had nothing to do", vpc(nil, ended(store.NoChanges)), ""},
		{"it is not there", func(f *lifecycle.Facts) { f.Config.Upstream["vpc"] = nil }, "depends on stack vpc, which is not on the branch"},
		{"it was not looked for", func(f *lifecycle.Facts) { f.Config.Upstream = nil }, "depends on stack vpc"},
		{"its record was not read", func(*lifecycle.Facts) {}, "waits for vpc, of which nothing could be read"},
		{"it is only observed", func(f *lifecycle.Facts) { f.Config.Upstream["vpc"].Mode = config.ModeObserve }, ""},
		{"it was not planned yet", vpc(func(st *store.StackState) { st.NewestRun = 0 }, store.Run{}), "waits for vpc, which was not planned yet"},
		{"it cannot be planned", vpc(func(st *store.StackState) { st.NewestRun, st.Error = 0, "no such directory" }, store.Run{}), "waits for vpc, which cannot be planned: no such directory"},
		{"it is being planned", vpc(nil, ended(store.Planning)), "waits for vpc #5, which is planning"},
		{"it waits for people", vpc(nil, ended(store.Planned)), "waits for vpc #5, which is planned"},
		{"it is applying", vpc(nil, ended(store.Applying)), "waits for vpc #5, which is applying"},
		{"it is behind", vpc(func(st *store.StackState) { st.Behind = 2 }, ended(store.Applied)), "waits for vpc, of which newer commits are not applied yet"},
		{"it failed", vpc(nil, store.Run{Status: store.Errored, Kind: store.KindManual}), "waits for vpc, whose run #5 ended errored"},
		{"it was denied", vpc(func(st *store.StackState) { st.Behind = 1 }, ended(store.Discarded)), "waits for vpc, whose run #5 ended discarded"},
		{"it was denied and the commit was taken back", vpc(func(st *store.StackState) { st.AppliedCommit = older }, ended(store.Discarded)), ""},
		{"half an apply of it failed", vpc(func(st *store.StackState) { st.Partly = 4 }, store.Run{Status: store.Canceled, Kind: store.KindManual}), "waits for vpc, of which the last apply, #4, did not end well"},
		{"half an apply of it failed, and some of it was applied since", vpc(func(st *store.StackState) { st.Partly = 4 },
			store.Run{Status: store.Applied, Kind: store.KindManual, Options: store.PlanOptions{Targets: []string{"a.b"}}}), "waits for vpc, of which the last apply, #4, did not end well"},
		{"only some of it was ever applied", vpc(nil, store.Run{Status: store.Applied, Kind: store.KindManual, Options: store.PlanOptions{Targets: []string{"a.b"}}}),
			"waits for vpc, of which #5 was a plan of some addresses only, and nothing else is applied"},
		{"only some of it was ever applied, and its state was looked at since", vpc(func(st *store.StackState) { st.LeftOut = []store.Targeted{{Run: 4}} },
			store.Run{Status: store.Applied, Kind: store.KindManual, Options: store.PlanOptions{RefreshOnly: true}}),
			"waits for vpc, of which #4 was a plan of some addresses only, and nothing else is applied"},
		{"some of what is applied was applied again", vpc(func(st *store.StackState) { st.AppliedCommit = older },
			store.Run{Status: store.Applied, Kind: store.KindManual, Options: store.PlanOptions{Targets: []string{"a.b"}}}), ""},
		{"some of a newer commit was applied", vpc(func(st *store.StackState) { st.AppliedCommit, st.Behind = older, 1 },
			store.Run{Status: store.Applied, Kind: store.KindManual, Options: store.PlanOptions{Targets: []string{"a.b"}}}), "waits for vpc, of which newer commits are not applied yet"},
		{"its newest run was forgotten", func(f *lifecycle.Facts) { vpc(nil, store.Run{})(f); f.Store.Runs[5] = nil }, ""},
		{"its newest run was not read", func(f *lifecycle.Facts) { vpc(nil, store.Run{})(f); delete(f.Store.Runs, 5) }, "waits for vpc, whose run #5 could not be read"},
		{"what it depends on is at work", far(func(*lifecycle.Facts) {}), "waits for dns #4, which is planned: what it depends on may be planned again after that"},
		{"what it depends on is quiet", far(func(f *lifecycle.Facts) { f.Store.Stacks["dns"].OpenRun = 0 }), ""},
		{"what it depends on was not read", far(func(f *lifecycle.Facts) { delete(f.Store.Stacks, "dns") }), "waits for *, of which nothing could be read"},
		{"the open run of what it depends on was not read", far(func(f *lifecycle.Facts) { delete(f.Store.Runs, 4) }), "waits for dns, whose run #4 could not be read"},
		{"it is due for a run", far(func(f *lifecycle.Facts) {
			f.Store.Stacks["vpc"].Upstreams = map[string]int{"dns": 1}
			f.Store.Stacks["dns"].Changed, f.Store.Stacks["dns"].OpenRun = 3, 0
		}), "waits for vpc, which is planned again since dns was changed by #3"},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/a person asked %t", test.name, asked), func(t *testing.T) {
				f := usual(store.Pending)
				f.Config.Stack.DependsOn = []string{"vpc"}
				f.Config.Upstream = map[string]*config.Stack{"vpc": {Name: "vpc", Repository: "infra"}}
				test.is(&f)
				if asked {
					f.Run.Kind, f.Run.RequestedBy = store.KindManual, "cli:jane"
				}
				step := lifecycle.Next(f)
				got := step.Reason.Why
				if asked { // a person goes ahead, and reads it on the card
					if step.Do != lifecycle.Plan {
						t.Errorf("a person's run: %s", said(step))
					}
					got = strings.TrimPrefix(strings.Join(step.Also.Warnings, "; "), "this goes ahead; a commit's run ")
				} else {
					sound(t, f, step)
				}
				if (got == "") != (test.want == "") || !matches(got, test.want) {
					t.Errorf("it waits %q, want %q", got, test.want)
				}
			})
		}
	}
}

// Images that a run waits for.
func TestImages(t *testing.T) {
	ami := func(builder, region string) store.Artifact {
		return store.Artifact{Builder: builder, ID: "ami-" + region, Region: region}
	}
	for _, test := range []struct {
		name  string
		built []store.Build
		with  string // builder
		given bool
		want  string
	}{
		{"it was not built", nil, "", false, "hold waits for image node, which was not built yet"},
		{"it was not built, and a person named one", nil, "", true, "plan"},
		{"it was built", []store.Build{{Run: 2, Artifacts: []store.Artifact{ami("amazon-ebs.a", "eu")}}}, "", false, "plan"},
		{"it was built in two regions", []store.Build{{Run: 2, Artifacts: []store.Artifact{ami("amazon-ebs.a", "eu"), ami("amazon-ebs.a", "us")}}}, "", false, "plan"},
		{"by two builders", []store.Build{{Run: 2, Artifacts: []store.Artifact{ami("amazon-ebs.a", "eu"), ami("amazon-ebs.b", "eu")}}}, "", false, "hold image node was built by several builders: amazon-ebs.a, amazon-ebs.b"},
		{"by two builders, of which one is named", []store.Build{{Run: 2, Artifacts: []store.Artifact{ami("amazon-ebs.a", "eu"), ami("amazon-ebs.b", "eu")}}}, "amazon-ebs.b", false, "plan"},
		{"by another builder", []store.Build{{Run: 2, Artifacts: []store.Artifact{ami("amazon-ebs.a", "eu")}}}, "docker", false, `hold no artifact of image node is of the builder "docker"`},
		{"a build made nothing", []store.Build{{Run: 2}}, "", false, "hold no artifact of image node"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := usual(store.Pending)
			f.Config.Stack.Images = []config.ImageVar{{Variable: "ami", Image: "node", Builder: test.with}}
			f.Store.Stacks["node"] = &store.StackState{Name: "node", Builds: test.built}
			if test.given {
				f.Run.Options.Images = map[string]string{"node": "ami-1"}
			}
			step := lifecycle.Next(f)
			if got := said(step); !matches(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			sound(t, f, step)
		})
	}
	f := usual(store.Pending)
	f.Config.Stack.Images = []config.ImageVar{{Variable: "ami", Image: "node"}}
	if step := lifecycle.Next(f); !matches(said(step), "hold waits for image node, of which nothing could be read") {
		t.Errorf("an image of which nothing was read: %s", said(step))
	}
}

// A pull request's run is planned when nothing that can be applied wants the room, and never more than that.
func TestPreviews(t *testing.T) {
	for _, test := range []struct {
		name string
		is   func(*lifecycle.Facts)
		want string
	}{
		{"there is room", func(*lifecycle.Facts) {}, "plan"},
		{"pull requests are not planned any more", func(f *lifecycle.Facts) { f.Config.Repository.Site.PlanPullRequests = false }, "move canceled pull requests are not planned any more"},
		{"its repository left the configuration", func(f *lifecycle.Facts) { f.Config.Repository = nil }, "move canceled pull requests are not planned any more"},
		{"its stack is an image", func(f *lifecycle.Facts) { f.Config.Stack.Engine = config.EnginePacker }, "plan"},
		{"somebody cancels it", func(f *lifecycle.Facts) { f.Run.CancelBy = "cli:jane" }, "move canceled"},
		{"its stack left", func(f *lifecycle.Facts) { f.Config.Stack = nil }, "move canceled the stack left"},
		{"paused", func(f *lifecycle.Facts) { f.Store.Agent.Paused = pause }, "hold the agent is paused"},
		{"the disk is nearly full", func(f *lifecycle.Facts) { f.Process.Full = "1 byte is free" }, "hold 1 byte is free"},
		{"at work", func(f *lifecycle.Facts) { f.Process.Busy = true }, "wait"},
		{"tried again later", func(f *lifecycle.Facts) { f.Run.NotBefore = noon.Add(time.Second) }, "wait"},
		{"never seen to end", func(f *lifecycle.Facts) { f.Run.Attempts = 8 }, "move errored"},
		{"its commits need no review: it is only looked at", func(f *lifecycle.Facts) { f.Config.Repository.RequireReview = true }, "plan"},
		{"one of two slots is left to what can be applied", func(f *lifecycle.Facts) { f.Process.Slots.Previews = 1 }, "hold waits for one of 2 terraform processes"},
		{"two of three slots are there for previews", func(f *lifecycle.Facts) { f.Process.Slots.TerraformLimit, f.Process.Slots.Previews = 3, 1 }, "plan"},
		{"all slots are taken", func(f *lifecycle.Facts) { f.Process.Slots.Terraform = 2 }, "hold waits for one of 2"},
		{"one slot, and nothing else wants it", func(f *lifecycle.Facts) { f.Process.Slots.TerraformLimit = 1 }, "plan"},
		{"one slot, and what can be applied wants it", func(f *lifecycle.Facts) { f.Process.Slots.TerraformLimit, f.Store.Ready = 1, true }, "hold waits for one of 1"},
		{"two slots, one user, and what can be applied wants it", func(f *lifecycle.Facts) { f.Process.Slots.Users, f.Store.Ready = 1, true }, "hold waits for one of 2"},
		{"one user that all share, and nothing is at work", func(f *lifecycle.Facts) { f.Process.Slots.UsersShared, f.Process.Slots.Users = true, 1 }, "plan"},
		{"one user that all share, and something is at work", func(f *lifecycle.Facts) {
			f.Process.Slots.UsersShared, f.Process.Slots.Users, f.Process.Slots.Terraform = true, 1, 1
		}, "hold waits for one of 2"},
		{"one user that all share, and a build is at work", func(f *lifecycle.Facts) {
			f.Process.Slots.UsersShared, f.Process.Slots.Users, f.Process.Slots.Builds = true, 1, 1
		}, "hold waits for one of 2"},
		{"one user that all share, which another process has", func(f *lifecycle.Facts) {
			f.Process.Slots.UsersShared, f.Process.Slots.Users, f.Process.Slots.AloneFree = true, 1, false
		}, "hold waits for one of 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := usual(store.Pending)
			f.Run.Kind, f.Run.PullRequest, f.Config.Repository.Site.PlanPullRequests = store.KindPullRequest, 12, true
			test.is(&f)
			step := lifecycle.Next(f)
			if got := said(step); !matches(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			sound(t, f, step)
		})
	}
}

// An apply is never cut off; people are told once when it takes unusually long.
func TestLongApplies(t *testing.T) {
	for name, c := range map[string]struct {
		took, usual, alert time.Duration
		held               string
		resting            bool
		long               bool
		again              time.Duration
	}{
		"a minute":                        {took: time.Minute, again: 14 * time.Minute},
		"a quarter of an hour":            {took: 15 * time.Minute, long: true},
		"as long as ever":                 {took: 40 * time.Minute, usual: 30 * time.Minute, again: 50 * time.Minute},
		"three times as long as ever":     {took: 90 * time.Minute, usual: 30 * time.Minute, long: true},
		"longer than apply_alert":         {took: 2 * time.Minute, alert: time.Minute, long: true},
		"shorter than apply_alert":        {took: 20 * time.Minute, alert: time.Hour, again: 40 * time.Minute},
		"told already":                    {took: time.Hour, held: "the apply has been running for 1h"},
		"long, and it cannot be followed": {took: time.Hour, held: lifecycle.FollowFails + "no such file", long: true},
		"following it rests":              {took: time.Hour, resting: true, again: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			f := usual(store.Applying)
			f.Run.Apply.StartedAt, f.Run.Apply.StartedUp = noon.Add(-c.took), store.Uptime{Boot: "b", Since: f.Now.Up.Since - c.took}
			f.Run.Held, f.Process.Usual, f.Config.Stack.ApplyAlert, f.Process.Resting = c.held, c.usual, c.alert, c.resting
			step := lifecycle.Next(f)
			if step.Do != lifecycle.Follow || (step.Long > 0) != c.long || step.Reason.Recheck != c.again || step.Start == c.resting {
				t.Errorf("%+v", step)
			}
		})
	}
}

// Who waits for a stack whose run ended otherwise than well is told what brings that one on, and nobody who waits for one that goes on
// by itself.
func TestWhatBringsAnUpstreamOn(t *testing.T) {
	for status, want := range map[store.Status]string{
		store.Discarded: "sallyport plan vpc, and once that has ended well this goes on by itself; to go ahead without: sallyport plan ",
		store.Errored:   "sallyport plan vpc, and once that has ended well this goes on by itself; to go ahead without: sallyport plan ",
		store.Planned:   "it goes on by itself when that has ended well; to go ahead without: sallyport plan ",
		store.Applied:   "it goes on by itself when that has ended well; to go ahead without: sallyport plan ",
	} {
		f := usual(store.Pending)
		f.Config.Stack.DependsOn = []string{"vpc"}
		f.Config.Upstream = map[string]*config.Stack{"vpc": {Name: "vpc", Repository: "infra"}}
		st := &store.StackState{Name: "vpc", NewestRun: 5, Behind: 1}
		if !status.Terminal() {
			st.OpenRun = 5
		}
		f.Store.Stacks["vpc"], f.Store.Runs[5] = st, &store.Run{ID: 5, Stack: "vpc", Status: status}
		if step := lifecycle.Next(f); step.Reason.Hint != want+f.Run.Stack {
			t.Errorf("%s: %s, hint %q, not %q", status, said(step), step.Reason.Hint, want+f.Run.Stack)
		}
	}
}
