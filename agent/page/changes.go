package page

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// group is the changes of one kind.
type group struct {
	ID, Title, Class string
	Called           string // the title within a sentence
	About            string // what the kind means, where its title does not say it
	N                int
	Modules          []module
}

// module is the changes of a group in one module.
type module struct {
	Name    string // empty: the root module
	Fold    bool   // it is worth a fold of its own
	Open    bool
	Changes []change
}

// change is one line with what is folded behind it.
type change struct {
	N       int    // its number in an approval
	Sign    string // terraform's
	Word    string // what happens, for those who do not see the sign
	Module  string // of the address
	Name    string // the rest of it
	Loud    []string
	Notes   []string
	Open    bool
	Parts   []part
	Missing string // why there is nothing behind the line
}

// kind is what sort of change it is, by danger. A page tells them in the order in which they stand here.
type kind struct {
	id, class string
	will, did string // what it is called before it is applied, and after
	about     string
}

func kinds(ended bool) []kind {
	named := "An approval has to name each of these."
	if ended {
		named = ""
	}
	return []kind{
		{"unknown", "bad", "unknown to sallyport", "unknown to sallyport", "Nobody can tell what these do. " + named},
		{"protected", "bad", "protected, and lost or at risk", "protected, and lost or at risk", named},
		{"destroy", "bad", "to destroy", "destroyed", ""},
		{"replace", "bad", "to destroy and replace", "destroyed and replaced", ""},
		{"forget", "bad", "to forget", "forgotten", "They leave the state and are not destroyed: nobody looks after them any more."},
		{"invoke", "bad", "actions to invoke", "actions invoked", "Programs of a provider's, which can do anything."},
		{"again", "wait", "gone, to create again", "gone, and created again", ""},
		{"update", "wait", "to change in place", "changed in place", ""},
		{"create", "good", "to create", "created", ""},
		{"import", "work", "to import", "imported", "They exist already and are taken into the state."},
		{"build", "work", "to build", "built", ""},
		{"state", "done", "only in the state", "only in the state", "Moved or refreshed: the objects themselves stay as they are."},
	}
}

// kindOf sorts a change.
func kindOf(r control.Run, c control.Change) string {
	has := func(action string) bool { return slices.Contains(c.Actions, action) }
	switch {
	case c.Unknown:
		return "unknown"
	case c.MustName:
		return "protected"
	case c.Destroys() && has("create"):
		return "replace"
	case c.Destroys():
		return "destroy"
	case has("forget"):
		return "forget"
	case has("invoke"):
		return "invoke"
	case r.Engine != control.EngineOf(""):
		return "build"
	case c.Class == store.ClassRecreate:
		return "again"
	case has("update"):
		return "update"
	case has("create"):
		return "create"
	case has("import"):
		return "import"
	case has("refresh"), has("read"), has("no-op"), len(c.Actions) == 0:
		return "state"
	}
	return "unknown" // a word that is none of these must not look harmless
}

const (
	openChanges = 6  // up to so many changes stand open
	openModules = 25 // up to so many changes of a group stand in open modules
)

// groupsOf sorts what a plan changes: by danger, and in each by module.
func groupsOf(r RunPage, text *planText, ended bool) []group {
	if r.Run.Plan == nil {
		return nil
	}
	changes := r.Run.Plan.Changes
	shared := map[string]int{}
	for _, c := range changes {
		shared[lineOf(c.Address)]++
	}
	by, places := map[string]*group{}, map[string]int{}
	for i, c := range changes {
		id := kindOf(r.Run, c)
		g := by[id]
		if g == nil {
			g = &group{ID: id}
			by[id] = g
		}
		g.N++
		shown := changeOf(r, i, ended)
		shown.Parts, shown.Missing = text.behind(r, c, shared)
		shown.Open = len(changes) <= openChanges && len(shown.Parts) > 0
		at, known := places[id+"\x00"+shown.Module]
		if !known {
			at = len(g.Modules)
			places[id+"\x00"+shown.Module] = at
			g.Modules = append(g.Modules, module{Name: shown.Module})
		}
		g.Modules[at].Changes = append(g.Modules[at].Changes, shown)
	}
	var out []group
	for _, k := range kinds(ended) {
		g := by[k.id]
		if g == nil {
			continue
		}
		g.ID, g.Class, g.Called, g.About = "changes-"+k.id, k.class, k.will, strings.TrimSpace(k.about)
		if r.Run.Status == store.Applied {
			g.Called = k.did
		}
		g.Title = upper(g.Called)
		for i := range g.Modules {
			m := &g.Modules[i]
			m.Fold, m.Open = len(g.Modules) > 1 || m.Name != "" || g.N > openModules, g.N <= openModules
		}
		out = append(out, *g)
	}
	return out
}

// behind are terraform's words about a change, or why there are none. They are taken out of the text, so that what is left belongs to no change.
func (t *planText) behind(r RunPage, c control.Change, shared map[string]int) (parts []part, missing string) {
	for _, address := range []string{lineOf(c.Address), lineOf(c.Previous)} {
		found := t.blocks[address]
		if address == "" || len(found) == 0 {
			continue
		}
		delete(t.blocks, address)
		var lines []string
		if len(found) > 1 {
			note := fmt.Sprintf("# (the plan's text speaks %d times of this address, and all of it stands here", len(found))
			if shared[address] != len(found) {
				note += "; a value may be written to look like a part of the text, so trust sallyport show --json more"
			}
			lines = append(lines, note+")")
		}
		for _, b := range found {
			lines = append(lines, b.lines...)
		}
		return partsOf(lines, r.Run.ID), ""
	}
	switch {
	case r.Plan == "", kindOf(r.Run, c) == "build":
		return nil, "" // said once: above all of them, or below
	case shared[lineOf(c.Address)] > 1:
		return nil, "The plan's text about this address stands with the first change that has it."
	}
	return nil, "The plan's text says nothing about this one."
}

// changeOf is the line of the change with an index.
func changeOf(r RunPage, i int, ended bool) change {
	c := r.Run.Plan.Changes[i]
	out := change{N: i + 1}
	out.Sign, out.Word = signAndWord(c)
	if kindOf(r.Run, c) == "build" {
		out.Word = "build"
	}
	out.Module, out.Name = split(lineOf(c.Address))
	out.Loud, out.Notes = notesOf(c, ended)
	return out
}

// signAndWord are terraform's sign for a change, and what happens in a word.
func signAndWord(c control.Change) (sign, word string) {
	switch strings.Join(c.Actions, ",") {
	case "create":
		return "+", "create"
	case "delete":
		return "-", "destroy"
	case "update":
		return "~", "change"
	case "delete,create":
		return "-/+", "replace"
	case "create,delete":
		return "+/-", "replace"
	case "forget":
		return ".", "forget"
	case "create,forget":
		return "+/.", "replace, and forget the old one"
	case "read":
		return "<=", "read"
	case "refresh":
		return "<~", "refresh"
	case "import":
		return "<+", "import"
	case "invoke":
		return "!", "invoke"
	case "", "no-op":
		if c.Previous != "" {
			return ">", "move"
		}
		return "=", "keep"
	}
	return "?", lineOf(strings.Join(c.Actions, ", ")) // never blank: what is not known must not look harmless
}

// maxNames is how many names a note lists.
const maxNames = 8

// notesOf is what is special about a change, what matters most of all apart.
func notesOf(c control.Change, ended bool) (loud, notes []string) {
	also := func(list *[]string, when bool, text string) {
		if when {
			*list = append(*list, lineOf(text))
		}
	}
	also(&loud, c.Unknown, "unknown to sallyport")
	also(&loud, c.Protected, "protected")
	if c.ComesBack && !ended {
		also(&loud, len(c.DataFrom) == 0, "comes back empty")
		also(&notes, len(c.DataFrom) > 0, "comes back; the configuration names "+words.List(c.DataFrom, 3))
	}
	also(&notes, c.Class == store.ClassRecreate, "it is gone")
	also(&notes, c.Class == store.ClassDrift, "changed outside")
	also(&notes, c.Before == store.BeforeThere, "the stack had it before")
	also(&notes, c.Before != "" && c.Before != store.BeforeThere, "the stack may have had it before")
	also(&notes, c.Previous != "" && c.Previous != c.Address, "was "+c.Previous)
	also(&notes, c.Importing && !slices.Contains(c.Actions, "import"), "imported: it exists already")
	also(&notes, c.Routine, "replaceable: routine")
	also(&notes, c.Trigger != "", c.Trigger)
	also(&notes, len(c.Follows) > 0, "follows "+words.List(c.Follows, 3))
	also(&notes, len(c.Attributes) > 0, words.List(c.Attributes, maxNames))
	return loud, notes
}

// split parts an address into the modules at its beginning and the rest. Keys can hold dots and escaped quotes.
func split(address string) (module, name string) {
	rest := address
	for strings.HasPrefix(rest, "module.") {
		end, quoted := -1, false
		for i := len("module."); i < len(rest) && end < 0; i++ {
			switch {
			case quoted && rest[i] == '\\':
				i++
			case rest[i] == '"':
				quoted = !quoted
			case !quoted && rest[i] == '.':
				end = i
			}
		}
		if end < 0 {
			break
		}
		rest = rest[end+1:]
	}
	return strings.TrimSuffix(address[:len(address)-len(rest)], "."), rest
}

// deferredOf are the lines of what a plan leaves to another one.
func deferredOf(p *control.Plan) (lines []string) {
	if p == nil {
		return nil
	}
	for _, d := range p.Deferred {
		lines = append(lines, lineOf(notify.DeferredText(store.Deferred(d))))
	}
	return lines
}

// segment is a piece of the bar of counts.
type segment struct {
	Class, Words string
	X, Width     int
}

// barWidth is how wide the bar is, in units of its own, and leastSegment what the smallest piece has of it: one object that is destroyed among
// a thousand new ones has to be seen.
const barWidth, leastSegment = 1000, 14

// barOf draws how many changes there are of each kind.
func barOf(groups []group) (out []segment) {
	total := 0
	for _, g := range groups {
		total += g.N
	}
	x := 0
	for i, g := range groups {
		width := max(leastSegment, g.N*(barWidth-leastSegment*len(groups))/max(1, total))
		if i == len(groups)-1 {
			width = barWidth - x
		}
		out = append(out, segment{Class: strings.TrimPrefix(g.ID, "changes-"), Words: fmt.Sprintf("%d %s", g.N, g.Called), X: x, Width: width})
		x += width
	}
	return out
}
