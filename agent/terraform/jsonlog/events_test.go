package jsonlog

import (
	"errors"
	"io"
	"os"
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
