package store

import "slices"

// HookNote is what one hook of this machine said of a run. It is cleaned and redacted, and bounded, where it is heard.
type HookNote struct {
	Hook    string     `json:"hook"`            // before_plan, after_plan, before_apply or after_apply
	Command string     `json:"command"`         // what ran: "check-policy", "sh snapshot.sh"
	Warns   bool       `json:"warns,omitempty"` // it wants people to think twice; only after_plan can
	Text    string     `json:"text,omitempty"`  // of several lines; empty if it has only facts, or warns without a word
	Facts   []HookFact `json:"facts,omitempty"` // in the order in which they were said, each name once
}

// HookFact is one thing that a hook wants to be known of a run: the id of a snapshot that it took.
type HookFact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Hear takes in what hooks of these kinds have said, in the place of what they said before: hooks that ran again say it again.
func (r *Run) Hear(said []HookNote, hooks ...string) {
	kept := slices.DeleteFunc(slices.Clone(r.HookNotes), func(n HookNote) bool { return slices.Contains(hooks, n.Hook) })
	r.HookNotes = append(kept, said...)
	if len(r.HookNotes) == 0 {
		r.HookNotes = nil
	}
}

// Facts are what the hooks of the run want to be known, by name. Where two say the same name, the later one counts.
func (r *Run) Facts() map[string]string {
	facts := map[string]string{}
	for _, n := range r.HookNotes {
		for _, f := range n.Facts {
			facts[f.Name] = f.Value
		}
	}
	return facts
}

// HookWarnings are those of the notes that warn.
func HookWarnings(notes []HookNote) []HookNote {
	var out []HookNote
	for _, n := range notes {
		if n.Warns {
			out = append(out, n)
		}
	}
	return out
}
