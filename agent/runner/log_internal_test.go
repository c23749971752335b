package runner

import (
	"os"
	"sallyport/agent/terraform/jsonlog"
	"strings"
	"testing"
	"time"
)

// A log ends with the name of the program that people installed.
func TestEndOfALog(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		job  Job
		want string
	}{
		"terraform": {Job{}, "Terraform ended after 2 seconds: exit code 1."},
		"opentofu":  {Job{Program: "OpenTofu"}, "OpenTofu ended after 2 seconds: exit code 1."},
		"packer":    {Job{Engine: EnginePacker}, "Packer ended after 2 seconds: exit code 1."},
	} {
		s := State{Phase: Finished, Claim: Claim{Engine: c.job.Engine, Program: c.job.Program}, Result: &Result{ExitCode: 1, StartedAt: at, EndedAt: at.Add(2 * time.Second)}}
		if got := strings.TrimSpace(endText(s)); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What an action says is in the log; of its lines none is taken for half of one.
func TestActionsInTheLog(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../terraform/jsonlog/testdata/action-terraform-1.15.6.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	if err := jsonlog.Read(f, func(e jsonlog.Event) { b.WriteString(eventText(e)) }); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Action started: action.local_command.notify", "hello from an action", "Action complete: action.local_command.notify", "Actions: 1 invoked"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in the log", want)
		}
	}
	if strings.Contains(b.String(), "incomplete") {
		t.Errorf("a line was taken for half of one:\n%s", b.String())
	}
}
