package jsonlog

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/agent/terraform/diag"
)

// recorded is what terraform 1.11.4 wrote when it applied an update, a replacement that creates first, and a
// provisioner that failed.
func recorded(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/apply.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestProgressOfAnApply(t *testing.T) {
	var p Progress
	var steps []string
	for line := range strings.Lines(string(recorded(t))) {
		p.Add([]byte(line))
		e, _ := ParseLine([]byte(line))
		switch e.Type {
		case EventApplyStart, EventApplyComplete, EventApplyErrored:
			steps = append(steps, strings.Join(append([]string{e.Type, p.Current}, p.Open...), " "))
		}
	}
	want := []string{
		"apply_start terraform_data.a terraform_data.a", "apply_complete ",
		"apply_start terraform_data.b terraform_data.b", "apply_errored ",
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if p.Total != 2 || p.Done != 1 || len(p.Failed) != 1 || p.Failed[0] != "terraform_data.b" || p.Counts != nil {
		t.Errorf("progress: %+v", p)
	}
	diags := []diag.Diagnostic{{Severity: "error", Summary: "local-exec provisioner error", Address: "terraform_data.b", File: "main.tf",
		Line: 10, Column: 30, Context: `resource "terraform_data" "b"`}}
	if diff := cmp.Diff(diags, p.Diagnostics, cmpopts.IgnoreFields(diag.Diagnostic{}, "Detail", "Code")); diff != "" {
		t.Errorf("diagnostics (-want +got):\n%s", diff)
	}
}

func TestReplacementIsOneResource(t *testing.T) {
	hook := func(kind, action string) []byte {
		return []byte(`{"type":"` + kind + `","hook":{"resource":{"addr":"a.b"},"action":"` + action + `"}}` + "\n")
	}
	var p Progress
	p.Add([]byte(`{"type":"planned_change","change":{"resource":{"addr":"a.b"},"action":"replace"}}`))
	p.Add(hook(EventApplyStart, "create"))
	p.Add(hook(EventApplyComplete, "create"))
	if p.Done != 0 || p.Total != 1 {
		t.Errorf("after one half: %d of %d", p.Done, p.Total)
	}
	snapshot := p
	p.Add(hook(EventApplyStart, "delete"))
	p.Add(hook(EventApplyComplete, "delete"))
	p.Add([]byte(`{"type":"outputs","outputs":{"z":{"value":"secret"},"a":{"value":1}}}`))
	if p.Done != 1 || strings.Join(p.Outputs, " ") != "a z" {
		t.Errorf("at the end: %+v", p)
	}
	if snapshot.Done != 0 || len(snapshot.Open) != 0 {
		t.Errorf("a snapshot has changed: %+v", snapshot)
	}
}

func TestParseEventsTakesWhatItGets(t *testing.T) {
	input := "{\"type\":\"version\"}\n\nplugin crashed\n{\"half\": \n" + strings.Repeat("x", maxLine+10) + "\n{\"type\":\"outputs\"}\n{\"type\":\"log\""
	var got []string
	err := Read(iotest.OneByteReader(strings.NewReader(input)), func(e Event) { got = append(got, e.Type+" "+e.Message) })
	want := []string{"version ", "text plugin crashed", `text {"half":`, "text (a line of 4194315 bytes was left out)", "outputs ", `text {"type":"log"`}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("events (-want +got):\n%s%v", diff, err)
	}
	broken := errors.New("disk fell out")
	if err := Read(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)), func(Event) {}); !errors.Is(err, broken) {
		t.Errorf("the error of reading got lost: %v", err)
	}
}

// progressOf is how far the recorded apply had come at its end.
func progressOf(t *testing.T, file string) Progress {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var p Progress
	if err := Read(f, func(e Event) {
		if e.Type == EventText {
			t.Errorf("%s: no event but a text: %s", file, e.Message)
		}
		p.Record(e)
	}); err != nil {
		t.Fatal(err)
	}
	return p
}

// What terraform and tofu say of check blocks that fail after an apply.
func TestFailedChecksOfAnApply(t *testing.T) {
	for _, file := range []string{"checks-terraform-1.11.4.jsonl", "checks-tofu-1.12.6.jsonl", "checks-terraform-1.15.6.jsonl"} {
		var got []string
		for _, d := range progressOf(t, file).Diagnostics {
			if address, inError, ok := d.FailedCheck(); ok && !inError {
				got = append(got, address+": "+d.Detail)
			}
		}
		slices.Sort(got) // each terraform has its own order
		want := []string{"check.certificate: the certificate expires in 5 days", "check.endpoint: the endpoint does not answer"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: checks (-want +got):\n%s", file, diff)
		}
	}
}

// What terraform 1.15.6 says of an action that runs a command, and of one that fails.
func TestActionsOfAnApply(t *testing.T) {
	const action = "action.local_command.notify"
	p := progressOf(t, "action-terraform-1.15.6.jsonl")
	if p.Done != 1 || p.Total != 1 || len(p.Open)+len(p.Failed) != 0 {
		t.Errorf("after an action that ended well: %+v", p)
	}
	if p := progressOf(t, "action-failed-terraform-1.15.6.jsonl"); len(p.Failed) != 1 || p.Failed[0] != action || len(p.Open) != 0 || len(p.Diagnostics) != 1 {
		t.Errorf("after one that failed: %+v", p)
	}
	text, err := os.ReadFile("testdata/action-terraform-1.15.6.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	whole, _, found := strings.Cut(string(text), `"type":"action_complete"`) // it dies before that line is whole
	if !found {
		t.Fatal("nothing is recorded of the end of an action")
	}
	var cut Progress
	if err := Read(strings.NewReader(whole), cut.Record); err != nil || len(cut.Open) != 1 || cut.Open[0] != action || cut.Current != action {
		t.Errorf("while it runs: %+v, %v", cut, err)
	}
}

// A line of a terraform that is newer than this package says what happens all the same: it is no half of a line.
func TestLinesOfAnotherForm(t *testing.T) {
	for name, line := range map[string]string{
		"a hook that is a list":       `{"@level":"info","@message":"it happens","type":"rocket_start","hook":["x"]}`,
		"a time of another kind":      `{"@level":"info","@message":"it happens","@timestamp":12,"type":"rocket_start"}`,
		"an action of another kind":   `{"@level":"info","@message":"it happens","type":"rocket_start","hook":{"action":7}}`,
		"a resource of another kind":  `{"@level":"info","@message":"it happens","type":"rocket_start","hook":{"resource":"a.b"}}`,
		"outputs, which are no names": `{"@level":"info","@message":"it happens","type":"rocket_start","outputs":[1]}`,
	} {
		e, ok := ParseLine([]byte(line))
		if !ok || e.Type != "rocket_start" || e.Message != "it happens" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}
