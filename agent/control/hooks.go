package control

import "sallyport/store"

// HookNote is what one hook said of a run.
type HookNote struct {
	Hook    string     `json:"hook"`    // before_plan, after_plan, before_apply or after_apply
	Command string     `json:"command"` // the name of the program, and of the script that it runs
	Warns   bool       `json:"warns"`   // it warns of the plan
	Text    string     `json:"text"`    // of several lines
	Facts   []HookFact `json:"facts"`
}

// HookFact is one thing that a hook wants to be known.
type HookFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func hookNotesOf(notes []store.HookNote) []HookNote {
	out := make([]HookNote, 0, len(notes))
	for _, n := range notes {
		note := HookNote{Hook: n.Hook, Command: n.Command, Warns: n.Warns, Text: n.Text, Facts: make([]HookFact, 0, len(n.Facts))}
		for _, f := range n.Facts {
			note.Facts = append(note.Facts, HookFact(f))
		}
		out = append(out, note)
	}
	return out
}
