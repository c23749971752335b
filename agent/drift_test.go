package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/terraform/tftest"
	"sallyport/store"
)

// driven is a stack of real files, which tests take away behind terraform's back, with a drift check each second.
type driven struct {
	*house
	repo *repository
	dir  string // where the files are
}

// files are the resources of some local files.
func (d driven) files(names ...string) string {
	text := "terraform {\n  required_providers {\n    local = { source = \"hashicorp/local\" }\n  }\n}\n"
	for _, name := range names {
		text += fmt.Sprintf("resource \"local_file\" %q {\n  filename = %q\n  content  = %q\n}\n", name, filepath.Join(d.dir, name), name)
	}
	return text
}

func newDriven(t *testing.T, stack, more string) driven {
	r := newRepository(t)
	d := driven{repo: r, dir: t.TempDir()}
	tool := fmt.Sprintf("terraform {\n  cli_config_file = %q\n}\n", tftest.CLIConfig(t, tftest.ProviderMirror(t)))
	d.house = newHouse(t, box(r, "drift = \"@every 1s\"\n"+stack)+tool+more)
	return d
}

// applied starts the agent and applies the first commit.
func (d driven) applied(text string) driven {
	d.t.Helper()
	d.repo.commit("Add", map[string]string{"box/main.tf": text})
	d.start()
	d.Reaches("1", store.Planned)
	d.MustDecide("1", "approve")
	d.Reaches("1", store.Applied)
	return d
}

func (d driven) lose(name string) {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
		d.t.Fatal(err)
	}
}

func (d driven) exists(name string) bool {
	_, err := os.Stat(filepath.Join(d.dir, name))
	return err == nil
}

// checked waits for a check that began after now: the second that ends, since the first may be under way already.
func (d driven) checked() control.Drift {
	d.t.Helper()
	var ends []time.Time
	s := d.Eventually("a drift check", func(s control.Status) bool {
		c := s.Stacks[0].Drift
		if c == nil || c.CheckedAt == nil {
			return false
		}
		if len(ends) == 0 || !c.CheckedAt.Equal(ends[len(ends)-1]) {
			ends = append(ends, *c.CheckedAt)
		}
		return len(ends) > 2 // the first of these was there before
	})
	return *s.Stacks[0].Drift
}

func (d driven) runs() []control.Run {
	d.t.Helper()
	runs, err := d.Client.Runs(d.t.Context(), control.RunsQuery{})
	if err != nil {
		d.t.Fatal(err)
	}
	return runs
}

// What did not change makes no run and no message; what did makes one prompt. More of it renews that prompt, and what was
// approved before does not count; less of it ends it.
func TestDrift(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	d := newDriven(t, "", asking(s))
	d = d.applied(d.files("node", "other"))
	first := said(t, s, "", "2 to create")
	said(t, s, first.TS, "is applied")
	if c := d.checked(); c.Since != nil || c.Gone+c.Changed+c.Config+c.Outputs != 0 || c.Schedule != "@every 1s" {
		t.Errorf("a check that finds nothing: %+v", c)
	}
	if n, m := len(d.runs()), len(s.Messages(ops)); n != 1 || m != 1 {
		t.Errorf("%d runs and %d messages of checks that found nothing", n-1, m-1)
	}

	d.lose("node")
	run := d.Reaches("2", store.Planned)
	if run.Kind != store.KindDrift || run.Position != "at the applied commit" || len(run.Plan.Changes) != 1 || run.Plan.Changes[0].Class != store.ClassRecreate {
		t.Errorf("the drift run: %+v", run)
	}
	prompt := said(t, s, "", "#2")
	if c := d.checked(); c.Gone != 1 || c.Since == nil || c.Run != 2 {
		t.Errorf("the drift in status: %+v", c)
	}
	if n, m := len(d.runs()), len(s.Messages(ops)); n != 2 || m != 2 {
		t.Errorf("%d runs and %d messages after checks that found the same", n, m)
	}

	d.lose("other")
	run = d.Reaches("3", store.Planned)
	if run.After != 2 || len(run.Plan.Changes) != 2 {
		t.Errorf("the run that takes over: %+v", run)
	}
	if old := d.Reaches("2", store.Superseded); old.Permalink != "" {
		t.Errorf("the old run still has a message: %+v", old)
	}
	said(t, s, prompt.TS, "takes the place of #2")
	d.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if m := said(t, s, "", "#3"); m.TS != prompt.TS {
		t.Errorf("the new plan is shown in a message of its own: %+v", m)
	}
	if err := d.Decide("2", "approve"); err == nil || !strings.Contains(err.Error(), "superseded") {
		t.Errorf("approving the old run: %v", err)
	}
	d.checked()
	if n := len(d.runs()); n != 3 {
		t.Errorf("%d runs", n)
	}
	s.Reply(jane, ops, prompt.TS, "approve")
	d.Reaches("3", store.Applied)
	if !d.exists("node") || !d.exists("other") {
		t.Error("the files are not back")
	}
	if c := d.checked(); c.Since != nil {
		t.Errorf("the drift after it was put right: %+v", c)
	}
}

// What was typed in the thread before people were told of the new plan was about the old one.
func TestAnEarlyApprovalIsNotOfTheNewDrift(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	d := newDriven(t, "", strings.Replace(asking(s), `"100ms"`, `"1h"`, 1))
	d = d.applied(d.files("node", "other"))
	d.lose("node")
	d.Reaches("2", store.Planned)
	prompt := said(t, s, "", "#2")
	early := s.Reply(jane, ops, prompt.TS, "approve") // nobody listens yet
	d.lose("other")
	d.Reaches("3", store.Planned)
	said(t, s, prompt.TS, "takes the place of #2")
	d.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	d.stop()
	d.Body = strings.Replace(d.Body, `"1h"`, `"100ms"`, 1)
	d.start()
	said(t, s, prompt.TS, "This did not count: what you approved was the plan of #2")
	if run := d.Reaches("3", store.Planned); len(run.Decisions) != 0 {
		t.Errorf("%s counted: %+v", early, run.Decisions)
	}
	s.Reply(jane, ops, prompt.TS, "approve")
	d.Reaches("3", store.Applied)
}

// What was denied is not asked again, and what went away by itself asks no more.
func TestDriftThatIsDeniedOrMended(t *testing.T) {
	t.Parallel()
	d := newDriven(t, "", "")
	d = d.applied(d.files("node", "other"))
	d.lose("node")
	d.Reaches("2", store.Planned)
	d.MustDecide("2", "deny it was me")
	d.Reaches("2", store.Discarded)
	d.checked()
	if n := len(d.runs()); n != 2 {
		t.Errorf("%d runs: a denied drift was asked again", n)
	}
	d.lose("other")
	d.Reaches("3", store.Planned)
	for _, name := range []string{"node", "other"} {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	// The provider looks at the contents only.
	d.Reaches("3", store.NoChanges)
	d.lose("node")
	d.Reaches("4", store.Planned)
	d.stop() // a waiting drift run, and what its checks know, outlive the agent
	d.start()
	d.checked()
	if n := len(d.runs()); n != 4 {
		t.Errorf("%d runs after a restart", n)
	}
	commit := d.repo.commit("Change", map[string]string{"box/main.tf": d.files("node", "third")})
	if run := d.Reaches("5", store.Planned); run.Kind != store.KindCommit || run.Commit != commit {
		t.Errorf("the commit's run: %+v", run)
	}
	d.Reaches("4", store.Superseded)
}

// Checks that fail are shown at once and told once, and so is their end.
func TestDriftChecksThatFail(t *testing.T) {
	t.Parallel()
	s := workspace(t)
	d := newDriven(t, "", asking(s))
	needed := filepath.Join(d.dir, "needed")
	write := func() {
		if err := os.WriteFile(needed, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write()
	d = d.applied(d.files("node") + fmt.Sprintf("data \"local_file\" \"needed\" {\n  filename = %q\n}\n", needed))
	d.checked()
	d.lose("needed")
	d.Eventually("a failed check", func(s control.Status) bool { return s.Stacks[0].Drift.Error != "" })
	note := said(t, s, "", "Nobody knows whether box drifts")
	if !strings.Contains(note.Text, "needed") {
		t.Errorf("the note says %q", note.Text)
	}
	write()
	said(t, s, "", "Drift checks of box work again")
	if c := d.checked(); c.Error != "" || c.ErrorAt != nil {
		t.Errorf("the drift: %+v", c)
	}
	d.Eventually("the outbox is empty", func(s control.Status) bool { return s.Outbox == 0 })
	if n := len(s.Messages(ops)); n != 3 || len(d.runs()) != 1 {
		t.Errorf("%d messages: %s", n, s.Transcript())
	}
}
