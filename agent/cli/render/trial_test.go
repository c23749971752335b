package render

import (
	"path/filepath"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/golden"
)

func TestTrialInColour(t *testing.T) {
	trial := NewTrial()
	trial.Take(control.TrialNews{Tool: "terraform 1.15.1", Path: "/usr/bin/terraform-1.15.1", Stacks: 6})
	for _, r := range []control.TrialResult{
		{Stack: "wiki", Outcome: control.TrialError, Configured: "terraform 1.11.4", Text: "plan: Unsupported \x1b[31margument\non main.tf line 3", Hint: "mend it"},
		{Stack: "ghe", Outcome: control.TrialOther, Configured: "terraform 1.11.4", Plan: &control.Plan{Change: 1, Changes: []control.Change{{Address: "a.b"}}},
			Differences: []string{"a.b: nothing with terraform 1.11.4, update with terraform 1.15.1"}},
		{Stack: "net", Outcome: control.TrialSame, Configured: "tofu 1.10.0", Plan: &control.Plan{}, Text: "the two use different providers"},
		{Stack: "box", Outcome: control.TrialSame, Configured: "terraform 1.11.4", Plan: &control.Plan{Add: 2, Changes: []control.Change{{Address: "a.b"}}}},
		{Stack: "old", Outcome: control.TrialNotPlanned, Text: "not planned: a trial ends after 6h; #12 is applying"},
	} {
		trial.Take(control.TrialNews{Result: &r})
	}
	trial.Close(false)
	if trial.NotPlanned != 2 || trial.Whole {
		t.Errorf("%+v", trial)
	}
	golden.Is(t, filepath.Join("testdata", "trial.ansi"), Width(0).Trial(trial))
}
