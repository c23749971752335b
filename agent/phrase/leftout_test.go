package phrase_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/agent/phrase"
	"sallyport/store"
)

// The next plan of a stack says what was left out, by whom and when, and whether it is in it.
func TestLeftOutBefore(t *testing.T) {
	at := time.Date(2026, 11, 30, 21, 20, 0, 0, time.UTC)
	apply := func(run int, status store.Status) store.Targeted {
		return store.Targeted{Run: run, Commit: "bbbbbbbbbbbbbb", Targets: []string{"aws_x.y", "module.z"}, By: "cli:jane", At: at, Status: status}
	}
	whole := store.Run{Stack: "net", Commit: "bbbbbbbbbbbbbb"}
	for name, c := range map[string]struct {
		run    store.Run
		left   []store.Targeted
		hidden bool
		want   string // a sentence for each
	}{
		"nothing": {run: whole},
		"a plan of all of it": {whole, []store.Targeted{apply(12, store.Applied)}, false,
			"something was left out before: #12 applied only aws_x.y, module.z of commit bbbbbbbbbb (--target, cli:jane, 2026-11-30 21:20 UTC); the rest of that commit is not applied by it|" +
				"this plan is of all of commit bbbbbbbbbb: it has what was left out of that"},
		"addresses are not for Slack": {whole, []store.Targeted{apply(12, store.Applied)}, true,
			"something was left out before: #12 applied only 2 addresses of commit bbbbbbbbbb (--target, cli:jane, 2026-11-30 21:20 UTC); the rest of that commit is not applied by it|" +
				"this plan is of all of commit bbbbbbbbbb: it has what was left out of that"},
		"it failed": {whole, []store.Targeted{apply(12, store.Errored)}, true,
			"something was left out before: #12 began to apply, and ended errored, only 2 addresses of commit bbbbbbbbbb (--target, cli:jane, 2026-11-30 21:20 UTC); the rest of that commit is not applied by it|" +
				"this plan is of all of commit bbbbbbbbbb: it has what was left out of that"},
		"a plan of what is applied": {store.Run{Stack: "net", Commit: "aaaaaaaaaaaaaa"}, []store.Targeted{apply(12, store.Applied)}, true,
			"*|this plan is of the commit that is applied, and may take back what was applied of another one"},
		"another of some addresses": {store.Run{Stack: "net", Commit: "bbbbbbbbbbbbbb", Options: store.PlanOptions{Targets: []string{"a.b"}}}, []store.Targeted{apply(12, store.Applied)}, true,
			"*|this plan leaves something out, too"},
		"many": {whole, []store.Targeted{apply(16, store.Applied), apply(15, store.Applied), apply(14, store.Applied), apply(13, store.Applied), apply(12, store.Applied)}, true,
			"*|*|*|so did 2 runs before that: sallyport runs net|this plan is of all of commit bbbbbbbbbb: it has what was left out of that"},
	} {
		t.Run(name, func(t *testing.T) {
			st := &store.StackState{AppliedCommit: "aaaaaaaaaaaaaa", LeftOut: c.left}
			got := phrase.LeftOut{Stack: st, ShowAddresses: !c.hidden}.Before(&c.run)
			want := strings.Split(c.want, "|")
			if c.want == "" {
				want = nil
			}
			if len(got) != len(want) {
				t.Fatalf("%q", got)
			}
			for i := range want {
				if want[i] != "*" && got[i] != want[i] {
					t.Errorf("it says %q\nwant %q", got[i], want[i])
				}
			}
			if c.left != nil && c.left[0].Targets[0] != "aws_x.y" {
				t.Error("the record was changed")
			}
		})
	}
}

// Whoever takes the place of a run that somebody had options for says which of them it does not have: names, never values.
func TestInsteadOf(t *testing.T) {
	old := &store.Run{ID: 12, Stack: "net", RequestedBy: "cli:jane", Options: store.PlanOptions{
		Replace: []string{"a.b"}, Targets: []string{"a.b", "a.c"}, Vars: []string{"size", "zone"}, Images: map[string]string{"base": "ami-1"},
	}}
	for name, c := range map[string]struct {
		next store.PlanOptions
		want string
	}{
		"a commit's": {store.PlanOptions{}, "#12, whose place this takes, had --replace of 1 object, --target of 2 addresses, --var size, --var zone, --image base, which cli:jane asked for: " +
			"this plan does not have it; to ask for it again: sallyport plan net --replace ADDRESS --target ADDRESS --target ADDRESS --var size --var zone --image base=ID"},
		"a person's with some of it": {store.PlanOptions{Replace: []string{"a.b"}, Targets: []string{"a.b", "a.c"}, Vars: []string{"size"}, Images: map[string]string{"base": "ami-2"}},
			"#12, whose place this takes, had --var zone, which cli:jane asked for: this plan does not have it; to ask for it again: sallyport plan net --var zone"},
		"the same": {old.Options, ""},
	} {
		if got := strings.Join(phrase.InsteadOf(old, c.next), "|"); got != c.want {
			t.Errorf("%s: %q\nwant %q", name, got, c.want)
		}
	}
	if got := phrase.InsteadOf(&store.Run{ID: 3, Options: store.PlanOptions{Inherited: true, Vars: []string{"size"}}}, store.PlanOptions{}); got != nil {
		t.Errorf("what the stack is pinned with is not dropped: %q", got)
	}
}
