package ending_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/agent/lifecycle/ending"
	"sallyport/store"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// seen are facts of a plan of two changes, of which one is done and one was begun.
func seen(change func(*ending.Facts)) ending.Facts {
	f := ending.Facts{
		Run:     &store.Run{ID: 7, Stack: "net", Plan: &store.Plan{Changes: make([]store.Change, 2)}, Apply: &store.Apply{Who: "tf@node", StartedAt: noon}},
		Started: true, Done: 1, Total: 2, Open: []string{"a.b"}, Now: noon.Add(time.Hour),
	}
	change(&f)
	return f
}

func exit(code int) func(*ending.Facts) {
	return func(f *ending.Facts) { f.Result = &ending.Result{ExitCode: code} }
}

// What nobody saw, or what did not end by itself, is never taken for an end that went well.
func TestOfApply(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*ending.Facts)
		to         store.Status
		text, hint string
	}{
		"nobody saw the end":                  {func(f *ending.Facts) { f.Runner = "; its runner said: panic" }, store.Interrupted, "nobody saw the end of the apply: 1 of 2 resources were reported done; started and not completed: a.b; its runner said: panic", "look at what was started"},
		"terraform was not started":           {func(f *ending.Facts) { f.Started = false }, store.Interrupted, "the agent stopped between the decision to apply and the start", ""},
		"the agent died before":               {func(f *ending.Facts) { f.Result = &ending.Result{Orphaned: true, Refused: "x"} }, store.Interrupted, "the agent stopped between the decision to apply and the start", ""},
		"the runner refused":                  {func(f *ending.Facts) { f.Result = &ending.Result{Refused: "another plan"} }, store.Errored, "the apply was refused and terraform did not run: another plan", "sallyport plan net"},
		"killed":                              {func(f *ending.Facts) { f.Result = &ending.Result{Signal: "SIGKILL", ExitCode: -1} }, store.Interrupted, "terraform was killed (SIGKILL)", "look at what was started"},
		"well":                                {exit(0), store.Applied, "", ""},
		"stale":                               {func(f *ending.Facts) { exit(1)(f); f.Stale = true }, store.Stale, "terraform: the saved plan is stale", ""},
		"with an error":                       {func(f *ending.Facts) { exit(1)(f); f.Errors = "no such zone" }, store.Errored, "no such zone", "mend the cause, then: sallyport plan net"},
		"about a lock":                        {func(f *ending.Facts) { exit(1)(f); f.Errors = "locked"; f.LockAdvice = "ask jane" }, store.Errored, "locked", "ask jane; then: sallyport plan net"},
		"without a word":                      {func(f *ending.Facts) { exit(11)(f); f.LastWords = ": Segfault" }, store.Errored, "terraform ended with exit code 11: Segfault", "see sallyport show 7 --log; mend the cause"},
		"well, and its state was not saved":   {func(f *ending.Facts) { exit(0)(f); f.LeftState = "/runs/7/errored.tfstate" }, store.Applied, "\nThe state could not be written to its backend", "bring the backend back, then: sallyport state push 7"},
		"unseen, and its state was not saved": {func(f *ending.Facts) { f.LeftState = "/runs/7/errored.tfstate" }, store.Interrupted, "nobody saw the end", "bring the backend back, then: sallyport state push 7; nothing of the stack is planned before. Look at"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ending.OfApply(seen(c.change))
			if got.To != c.to || !strings.HasPrefix(got.Text, c.text) || !strings.HasPrefix(got.Hint, c.hint) || c.hint == "" && got.Hint != "" {
				t.Errorf("it is %s: %q, hint %q", got.To, got.Text, got.Hint)
			}
		})
	}
}

// What a person stopped is canceled, unless it had ended well or nobody saw how it ended.
func TestCanceled(t *testing.T) {
	for name, c := range map[string]struct {
		by     string
		change func(*ending.Facts)
		to     store.Status
	}{
		"it failed":          {"cli:jane", func(f *ending.Facts) { exit(1)(f); f.Errors = "interrupted" }, store.Canceled},
		"it was stale":       {"cli:jane", func(f *ending.Facts) { exit(1)(f); f.Stale = true }, store.Canceled},
		"it ended well":      {"cli:jane", exit(0), store.Applied},
		"nobody saw its end": {"cli:jane", func(*ending.Facts) {}, store.Interrupted},
		"nobody canceled it": {"", func(f *ending.Facts) { exit(1)(f); f.Errors = "no" }, store.Errored},
	} {
		f := seen(c.change)
		got := ending.OfApply(f).Canceled(c.by, f)
		if got.To != c.to || c.to == store.Canceled && (!strings.Contains(got.Text, "canceled by cli:jane in the middle of its apply") || strings.Contains(got.Hint, "mend the cause")) {
			t.Errorf("%s: %s, %q, hint %q", name, got.To, got.Text, got.Hint)
		}
	}
}

// A lock is looked for behind every apply that may have left one, and resources are half-made where nobody saw the end.
func TestLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*ending.Facts)
		to         store.Status
		unfinished bool
		unseen     bool
		until      time.Time
	}{
		"well":                            {exit(0), store.Applied, false, false, noon},
		"failed":                          {exit(1), store.Errored, false, false, noon},
		"unseen":                          {func(*ending.Facts) {}, store.Interrupted, true, true, noon.Add(time.Hour)},
		"unseen, last seen before":        {func(f *ending.Facts) { f.LastSign = noon.Add(time.Minute) }, store.Interrupted, true, true, noon.Add(time.Minute)},
		"unseen, last seen in the future": {func(f *ending.Facts) { f.LastSign = noon.Add(2 * time.Hour) }, store.Interrupted, true, true, noon.Add(time.Hour)},
		"killed":                          {func(f *ending.Facts) { exit(-1)(f); f.LastSign = noon }, store.Interrupted, true, true, noon.Add(time.Hour)},
		"never started":                   {func(f *ending.Facts) { f.Started, f.Open = false, nil }, store.Interrupted, false, false, noon},
		"failed, and the lock stayed":     {func(f *ending.Facts) { exit(1)(f); f.LockLeft = true }, store.Errored, false, true, noon.Add(time.Hour)},
		"failed, and the state was left":  {func(f *ending.Facts) { exit(1)(f); f.LeftState = "/x" }, store.Errored, false, true, noon.Add(time.Hour)},
		"canceled, and nothing was left":  {exit(1), store.Canceled, false, false, noon},
	} {
		left := seen(c.change).Leaves(c.to)
		if left.Unfinished != c.unfinished || (left.Unseen != nil) != c.unseen {
			t.Errorf("%s: it leaves %+v", name, left)
		} else if u := left.Unseen; u != nil && (!u.Until.Equal(c.until) || u.Run != 7 || !u.Apply || u.Who != "tf@node" || !u.From.Equal(noon)) {
			t.Errorf("%s: it leaves %+v", name, *u)
		}
	}
}

// A build that made nothing is none, and what a failed one made is told.
func TestOfBuild(t *testing.T) {
	made := []store.Artifact{{ID: "ami-1"}}
	for name, c := range map[string]struct {
		change func(*ending.Facts)
		to     store.Status
		text   string
	}{
		"well":                   {func(f *ending.Facts) { exit(0)(f); f.Artifacts = made }, store.Applied, ""},
		"without an artifact":    {exit(0), store.Errored, "packer ended well and named no artifact"},
		"nobody saw the end":     {func(f *ending.Facts) { f.Artifacts = made }, store.Interrupted, "nobody saw the end of the build: 1 of 2 builders came to their end; begun and not completed: a.b\nIt has made, and nothing uses: ami-1"},
		"packer was not started": {func(f *ending.Facts) { f.Started = false }, store.Interrupted, "the agent stopped between the decision to build and the start"},
		"the runner refused":     {func(f *ending.Facts) { f.Result = &ending.Result{Refused: "x"} }, store.Errored, "the build was refused and packer did not run: x"},
		"killed":                 {func(f *ending.Facts) { f.Result = &ending.Result{Signal: "SIGKILL"} }, store.Interrupted, "packer was killed (SIGKILL)"},
		"with an error":          {func(f *ending.Facts) { exit(1)(f); f.Errors = "long words" }, store.Errored, "why\nlong words\nBegun and not completed: a.b"},
		"without a word":         {func(f *ending.Facts) { exit(2)(f); f.LastWords = ": oops"; f.Open = nil }, store.Errored, "packer ended with exit code 2: oops"},
	} {
		got := ending.OfBuild(seen(c.change), "ami-1", "why")
		if got.To != c.to || !strings.HasPrefix(got.Text, c.text) || c.text == "" && got.Text != "" {
			t.Errorf("%s: %s, %q", name, got.To, got.Text)
		}
	}
}
