package render

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"sallyport/agent/archive"
	"sallyport/agent/control"
	"sallyport/notify/golden"
	"sallyport/store"
)

// night is a run of which there is much to say.
func night() control.Run {
	return control.Run{
		ID: 12, Stack: "ghe", Kind: store.KindManual, Status: store.Planned, Commit: "0123456789abcdef0123456789abcdef01234567",
		Author: "Jane Doe", Subject: "Bigger disk\x1b[31m for everybody", Reason: "the disk is full",
		RequestedBy: "cli:root", RequestedLogin: "jane", After: 11, Position: "with 2 commits that were not applied yet",
		CreatedAt: before(10 * time.Minute), PlannedAt: before(4 * time.Minute), UpdatedAt: before(3 * time.Minute), ExpiresAt: before(-20 * time.Hour),
		Plan: &control.Plan{
			Digest: "d1", Add: 2, Destroy: 1, NewState: true,
			Changes: []control.Change{
				{Address: "aws_instance.ghe", Actions: []string{"delete", "create"}, Class: store.ClassConfig, Routine: true},
				{Address: "aws_ebs_volume.data", Actions: []string{"create"}, Class: store.ClassRecreate, Protected: true, MustName: true},
				{Address: "aws_eip.a", Previous: "aws_eip.b", Actions: []string{"forget"}},
			},
			Outputs: []control.Output{{Name: "ip", Actions: []string{"update"}}},
		},
		Decisions:  []control.Decision{{Verdict: store.Approve, By: "slack:U1", At: before(time.Minute), Text: "approve destroy 2"}},
		BreakGlass: &control.BreakGlass{By: "cli:jane", At: before(time.Minute), Reason: "nobody else is awake"},
		Options:    control.Options{Kinds: []string{"NOT IN GIT: var size"}},
		GitDown:    "the repository cannot be read", Warnings: []string{"there is no .terraform.lock.hcl"},
		Asks: "it destroys something", Held: "waits for net", Hint: "sallyport show 11",
	}
}

func TestRunInColour(t *testing.T) {
	for name, change := range map[string]func(*control.Run){
		"run-planned.ansi": func(*control.Run) {},
		"run-effects.ansi": func(r *control.Run) {
			r.Plan.Changes = []control.Change{
				{Address: "plan.rockets", Actions: []string{"unknown"}, Unknown: true, MustName: true},
				{Address: "action.local_command.notify", Actions: []string{"invoke"}, Trigger: "AfterCreate of aws_instance.ghe"},
				{Address: "aws_db.d", Actions: []string{"update"}, Importing: true, Protected: true, MustName: true},
				{Address: "aws_x.i", Actions: []string{"import"}, Importing: true}, {Address: "aws_x.f", Actions: []string{"create", "forget"}},
				{Address: "aws_x.new", Previous: "aws_x.old", Actions: []string{"no-op"}},
			}
			r.Plan.Import = 2
			r.Plan.Checks = []control.Check{{Address: "check.certificate", Status: "fail", Problems: []string{"it expires in 5 days"}}}
			r.Plan.Deferred = []control.Deferred{{Address: "aws_x.later", Actions: []string{"create"}, Reason: "instance_count_unknown"}}
		},
		"run-interrupted.ansi": func(r *control.Run) {
			r.Status, r.EndedAt, r.Error = store.Interrupted, before(time.Minute), "the machine went away\nmeanwhile"
			r.Apply = &control.Apply{
				StartedAt: before(3 * time.Minute), EndedAt: before(time.Minute), Done: 1, Total: 3, Open: []string{"aws_instance.ghe"},
				LeftLock: &control.LeftLock{Text: "the state lock c46f is left", Hint: "sallyport unlock ghe c46f"}, LeftState: "errored.tfstate",
			}
			r.BreakGlass.ReviewedBy, r.BreakGlass.ReviewedAt, r.BreakGlass.Review = "slack:U2", before(time.Second), "fine"
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := night()
			change(&r)
			golden.Is(t, filepath.Join("testdata", name), Run(r, clock()))
		})
	}
}

func TestTablesInColour(t *testing.T) {
	failed := control.Run{
		ID: 11, Stack: "old", Kind: store.KindCommit, Status: store.Errored, Commit: "fedcba", Error: "no such key\nat main.tf", CreatedAt: before(time.Hour),
	}
	drifted := control.Stack{
		Name: "net", AppliedCommit: "fedcba9876543210", AppliedAt: before(48 * time.Hour), Behind: 2, ApplyClosed: "frozen until noon",
		Drift: &control.Drift{CheckedAt: before(time.Minute), Gone: 1, Config: 2, Since: before(time.Hour)},
	}
	pinned := control.Stack{
		Name: "ghe", Pin: &control.Pin{Commit: "fedcba9876543210", By: "cli:jane", At: *before(time.Hour), Reason: "the new one is slow"},
		Drift: &control.Drift{Error: "no route", ErrorAt: before(time.Hour)}, Run: &failed,
	}
	gone := control.Stack{Name: "app", Destroyed: &control.Destroyed{Run: 23, At: before(5 * time.Minute)}}
	clean := control.Stack{Name: "dns", AppliedCommit: "fedcba9876543210", AppliedAt: before(48 * time.Hour), CheckedAt: before(time.Minute)}
	image := control.Stack{
		Name: "node", Engine: "packer",
		Builds: []control.Build{{Run: 3, Commit: "fedcba9876543210", At: before(time.Hour), Artifacts: []control.Artifact{{ID: "ami-1", Region: "eu-west-1"}, {ID: "ami-2"}}}},
	}
	uses := control.Stack{Name: "box", Images: []control.ImageUse{{Image: "node", Run: 3}, {Image: "base", Artifacts: []control.Artifact{{ID: "ami-9"}}}}}
	for name, text := range map[string]string{
		"runs.ansi":   Width(0).Runs([]control.Run{night(), failed}, clock()),
		"stacks.ansi": Width(0).stacksTable([]control.Stack{drifted, pinned, {Name: "new"}, gone, clean}, clock()) + pinsText([]control.Stack{drifted, pinned}, clock()),
		"images.ansi": Width(0).Images(Builds([]control.Stack{image, uses})),
		"states.ansi": Width(0).StateCopies([]archive.StateCopy{{Name: "run-2", Run: 2, Serial: 7, Resources: 3, Bytes: 2048, At: *before(time.Hour)}, {Name: "x", Serial: 6, At: *before(48 * time.Hour)}}, clock()),
	} {
		t.Run(name, func(t *testing.T) { golden.Is(t, filepath.Join("testdata", name), text) })
	}
}

// What failed comes first, each with why and what to type, and nobody says below it that nothing waits.
func TestWhatNeedsALookInColour(t *testing.T) {
	failed := control.Run{ID: 19, Stack: "wiki", Status: store.Errored, Error: "no room", EndedAt: before(time.Hour)}
	halfway := control.Stack{
		Name: "wiki", Run: &failed, Partly: &control.Partly{Run: 19, Text: "the last apply, #19, did not end well"},
		Look: &control.Look{Run: 19, Status: store.Errored, At: before(time.Hour), Text: "wiki #19 failed halfway", Cause: "no room", Hint: "sallyport plan wiki"},
	}
	unplanned := control.Stack{Name: "ghe", Look: &control.Look{Run: 21, Text: "ghe #21 could not be planned", Hint: "sallyport show 22, which shows what is left to do"}}
	seen := control.Stack{Name: "dns", Seen: 7, Run: &control.Run{ID: 7, Stack: "dns", Status: store.Errored, Error: "no such key"}, Partly: &control.Partly{Run: 5}}
	for name, stacks := range map[string][]control.Stack{"looks.ansi": {halfway, unplanned, seen}, "seen.ansi": {seen}} {
		t.Run(name, func(t *testing.T) {
			golden.Is(t, filepath.Join("testdata", name), Width(0).Status(control.Status{Agent: control.Agent{Running: true, Version: "1"}, Stacks: stacks}, clock()))
		})
	}
}

func TestProgress(t *testing.T) {
	applying := &control.Apply{Done: 3, Total: 7, Current: "aws_instance.web"}
	for _, tc := range []struct {
		name string
		run  control.Run
		want string
	}{
		{"it moves", control.Run{ID: 1, Status: store.Planning}, "#1 planning"},
		{"it is held", control.Run{ID: 1, Status: store.Pending, Held: "waits for net", Hint: "sallyport show 2"}, "#1 pending: waits for net; hint: sallyport show 2"},
		{"what held it when it ended", control.Run{ID: 1, Status: store.Canceled, Held: "waits for net"}, "#1 canceled"},
		{"it waits for a person", control.Run{ID: 1, Status: store.Planned, Plan: &control.Plan{}}, "#1 planned: no changes; to go on: sallyport approve 1"},
		{"it is applied", control.Run{ID: 1, Status: store.Applying, Apply: applying}, "#1 applying: 3 of 7, aws_instance.web"},
		{"nothing is known yet", control.Run{ID: 1, Status: store.Applying}, "#1 applying"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Progress(tc.run); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// A shell shows times in its own zone, and says which that is.
func TestWhen(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 10, 0, 0, time.UTC)
	for want, zone := range map[string]*time.Location{
		"2026-03-01 03:10:00 UTC (4 minutes ago)":   time.UTC,
		"2026-03-01 04:10:00 CET (4 minutes ago)":   time.FixedZone("CET", 3600),
		"2026-02-28 22:10:00 EST (4 minutes ago)":   time.FixedZone("EST", -5*3600),
		"2026-03-01 08:55:00 +0545 (4 minutes ago)": time.FixedZone("+0545", 5*3600+45*60),
	} {
		if got := when(&at, at.Add(4*time.Minute).In(zone)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := when(nil, at); got != "" {
		t.Errorf("no time is %q", got)
	}
}

// So it does with the times in what the agent says, but for those of windows and freezes in a zone of their own.
func TestLocal(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	for text, want := range map[string]string{
		"the repository cannot be read since 2026-03-01 23:30 UTC: EOF":   "the repository cannot be read since 2026-03-02 00:30 CET: EOF",
		"expired at 2026-03-01 03:10:05 UTC":                              "expired at 2026-03-01 04:10:05 CET",
		"frozen until 2027-01-04 09:00 EST (America/New_York): holidays":  "frozen until 2027-01-04 09:00 EST (America/New_York): holidays",
		"at 2026-02-31 03:10 UTC, 2026-03-01 03:10 UTC, since yesterday ": "at 2026-02-31 03:10 UTC, 2026-03-01 03:10 UTC, since yesterday ",
	} {
		if got := local(text, time.Now().In(zone)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	held := night()
	held.Held = "waits since 2026-03-01 03:10 UTC"
	if got := Run(held, *before(0)); !strings.Contains(got, "waits since 2026-03-01 03:10 UTC") {
		t.Errorf("in UTC it is\n%s", got)
	}
	if got := Run(held, before(0).In(zone)); !strings.Contains(got, "waits since 2026-03-01 04:10 CET") {
		t.Errorf("an hour to the east it is\n%s", got)
	}
}

// An apply that no agent follows is told with how it stands.
func TestApplyWithoutAnAgent(t *testing.T) {
	for process, want := range map[control.ApplyProcess]string{
		"": "", control.ProcessLives: "its process lives and goes on by itself", control.ProcessEnded: "its process has ended", control.ProcessGone: "its process is gone",
	} {
		run := control.Run{ID: 7, Stack: "ghe", Status: store.Applying, Apply: &control.Apply{Total: 2, Process: process}}
		status := Width(80).Status(control.Status{Stacks: []control.Stack{{Name: "ghe", Run: &run}}}, time.Time{})
		for where, text := range map[string]string{"status": status, "show": Run(run, time.Time{})} {
			if told := strings.Contains(text, "its process"); told != (want != "") || !strings.Contains(text, want) {
				t.Errorf("%s of %q says\n%s", where, process, text)
			}
		}
	}
}

// Nobody has asked for what takes over from a run that somebody had asked for.
func TestKindOfARecovery(t *testing.T) {
	for kind, want := range map[store.Kind]string{
		store.KindManual:   "manual by cli:jane, takes over from #21\n",
		store.KindRecovery: "recovery, takes over from #21, which cli:jane had asked for\n",
	} {
		if got := Run(control.Run{ID: 22, Stack: "slow", Kind: kind, RequestedBy: "cli:jane", After: 21, Status: store.Pending}, clock()); !strings.Contains(ansi.Strip(got), want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
