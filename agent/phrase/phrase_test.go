package phrase

import (
	"testing"

	"sallyport/store"
)

// What a card says of how its commit lies to what is applied is true of a stack of which nothing, half of it, or nothing any more is.
func TestPosition(t *testing.T) {
	for name, tc := range map[string]struct {
		run  store.Run
		st   store.StackState
		want string
	}{
		"nothing was applied":       {store.Run{Commit: "b"}, store.StackState{}, "nothing of this stack was applied by sallyport yet"},
		"half of it was applied":    {store.Run{Commit: "b"}, store.StackState{LastApply: 3}, "no apply of this stack has ended well yet; the last one was #3"},
		"it was destroyed":          {store.Run{Commit: "b"}, store.StackState{LastApply: 3, Destroyed: &store.Destroyed{Run: 3}}, "nothing of this stack is applied: #3 destroyed it"},
		"the applied commit":        {store.Run{Commit: "a"}, store.StackState{AppliedCommit: "a"}, "at the applied commit"},
		"the one commit itself":     {store.Run{Commit: "b", Kind: store.KindCommit}, store.StackState{AppliedCommit: "a", Behind: 1, BehindBy: "b"}, ""},
		"one commit before it":      {store.Run{Commit: "c", Kind: store.KindCommit}, store.StackState{AppliedCommit: "a", Behind: 1, BehindBy: "b"}, "with 1 commit that was not applied yet"},
		"a person's plan of it":     {store.Run{Commit: "b", Kind: store.KindManual}, store.StackState{AppliedCommit: "a", Behind: 1, BehindBy: "b"}, "with 1 commit that was not applied yet"},
		"several commits":           {store.Run{Commit: "d"}, store.StackState{AppliedCommit: "a", Behind: 3}, "with 3 commits that were not applied yet"},
		"more than are looked at":   {store.Run{Commit: "d"}, store.StackState{AppliedCommit: "a", Behind: MaxBehind}, "with 100 or more commits that were not applied yet"},
		"nobody could count them":   {store.Run{Commit: "d"}, store.StackState{AppliedCommit: "a", Behind: -1}, "nobody knows how many commits it is ahead of the applied one"},
		"commits that do not touch": {store.Run{Commit: "d"}, store.StackState{AppliedCommit: "a"}, "no commit since the applied one touches this stack"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Position(&tc.run, &tc.st); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Whoever asked is told every end in words, and terraform's own only where the stack shows addresses.
func TestAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		run  store.Run
		o    AnswerOptions
		want string
	}{
		"no changes": {store.Run{Status: store.NoChanges}, AnswerOptions{Causes: true}, "#7 wiki: nothing to do, all is as applied."},
		"superseded": {store.Run{Status: store.Superseded, Error: "superseded: cli:jane asked for another plan"}, AnswerOptions{},
			"#7 wiki was superseded: cli:jane asked for another plan."},
		"errored": {store.Run{Status: store.Errored, Error: "no such key\nat main.tf", Hint: "mend it"}, AnswerOptions{Causes: true},
			"#7 wiki could not be planned.\nno such key\nNext: mend it"},
		"errored, addresses hidden": {store.Run{Status: store.Errored, Error: "no such key"}, AnswerOptions{}, "#7 wiki could not be planned.\nWhy: sallyport show 7"},
		"a preview":                 {store.Run{Status: store.Previewed, Plan: &store.Plan{Add: 2}}, AnswerOptions{}, "#7 wiki is planned: 2 to create, nothing destroyed."},
		"applied":                   {store.Run{Status: store.Applied, Plan: &store.Plan{Add: 2}, Card: &store.Card{Permalink: "https://s/1"}}, AnswerOptions{}, "#7 wiki is applied: 2 created, 0 changed, 0 destroyed.\nhttps://s/1"},
		"denied":                    {store.Run{Status: store.Discarded}, AnswerOptions{}, "#7 wiki is discarded."},
	} {
		t.Run(name, func(t *testing.T) {
			tc.run.ID, tc.run.Stack = 7, "wiki"
			if got := Answer(&tc.run, tc.o); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
