package page

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sallyport/agent/control"
	"sallyport/store"
)

// reader answers with what a test says.
type reader struct {
	run           control.Run
	around        control.Around
	plan, log     string
	noPlan, noLog error
	asked         []string
}

func (r *reader) Run(_ context.Context, ref string) (control.Run, error) {
	r.asked = append(r.asked, ref)
	return r.run, nil
}

func (r *reader) Around(_ context.Context, ref string) (control.Around, error) {
	r.asked = append(r.asked, ref)
	return r.around, nil
}

func (r *reader) PlanText(_ context.Context, ref string) (string, error) {
	r.asked = append(r.asked, ref)
	return r.plan, r.noPlan
}

func (r *reader) Log(_ context.Context, ref string) (string, error) {
	r.asked = append(r.asked, ref)
	return r.log, r.noLog
}

func TestRead(t *testing.T) {
	gone, broken := control.NoPlan(12, store.Applied), errors.New("the disk is broken")
	full := control.RunOf(&store.Run{ID: 12, Stack: "ghe", Status: store.Applied, Plan: &store.Plan{}, Apply: &store.Apply{}})
	applying := control.RunOf(&store.Run{ID: 12, Stack: "ghe", Status: store.Applying, Apply: &store.Apply{}})
	bare := control.RunOf(&store.Run{ID: 12, Stack: "ghe"})
	for name, tc := range map[string]struct {
		from      reader
		plan, log string
		planGone  bool
		err       error
	}{
		"all of it":                           {from: reader{run: full, plan: "the plan", log: "the log"}, plan: "the plan", log: "the log"},
		"half a line may be half of a secret": {from: reader{run: applying, log: "a line\nxoxb-12"}, log: "a line\n"},
		"it has just begun":                   {from: reader{run: applying, log: "xoxb-12"}},
		"neither planned":                     {from: reader{run: bare, noPlan: broken, noLog: broken}},
		"neither is kept":                     {from: reader{run: full, noPlan: gone, noLog: control.NoLog(12, store.Applied)}, planGone: true},
		"the plan is unreadable":              {from: reader{run: full, noPlan: broken}, err: broken},
		"the log is unreadable":               {from: reader{run: full, noLog: broken}, err: broken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(t.Context(), &tc.from, "ghe", at(0))
			if !errors.Is(err, tc.err) {
				t.Fatalf("the error is %v, want %v", err, tc.err)
			}
			if err == nil && (got.Plan != tc.plan || got.Log != tc.log || (got.PlanGone != "") != tc.planGone) {
				t.Errorf("read is %+v", got)
			}
			// What the stack's name means may change between two questions.
			if asked := strings.Join(tc.from.asked, " "); !strings.HasPrefix(asked, "ghe 12") || strings.Count(asked, "ghe") != 1 {
				t.Errorf("asked was for %s", asked)
			}
		})
	}
}

// TestPeopleHaveNames: accounts are told by their names, in the run and in its history.
func TestPeopleHaveNames(t *testing.T) {
	p := waiting(&store.Plan{}, "")
	by := at(12)
	p.Run.Decisions = []control.Decision{{Verdict: store.Approve, By: "slack:U1", At: &by}}
	p.Run.People = map[string]string{"slack:U1": "eve"}
	p.Around.Events = append(p.Around.Events, control.AuditEntry{At: by, Event: "decision", By: "slack:U2", Outcome: "approve"})
	p.Around.People = map[string]string{"slack:U2": "joe"}
	page := written(t, p)
	for _, want := range []string{"by eve", "by joe"} {
		if !strings.Contains(page, want) {
			t.Errorf("nobody is called %q", want)
		}
	}
	if strings.Contains(page, "slack:U") || p.Run.Decisions[0].By != "slack:U1" {
		t.Error("somebody is told by an account, or the facts were changed")
	}
}

func TestLogEnds(t *testing.T) {
	long := strings.Repeat("a line of it\n", maxLog/10)
	got := ending(long)
	if len(got) > maxLog+100 || !strings.HasPrefix(got, "(") || !strings.HasSuffix(got, "a line of it\n") || strings.Contains(got, "\nline") {
		t.Errorf("the end has %d bytes: %.80q", len(got), got)
	}
	if got := ending("short\x1b[31m\n"); got != "short\n" {
		t.Errorf("a short one is %q", got)
	}
}
