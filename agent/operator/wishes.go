package operator

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/archive"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/packer"
	"sallyport/agent/stack"
	"sallyport/agent/stack/declared"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/varfile"
	"sallyport/notify/words"
	"sallyport/store"
)

// What a person asks of a plan is looked for before the run is made, since that supersedes the one that waits: a slip of the hand must
// not cost a good plan its approvals.

// shownNames is how many names a hint holds.
const shownNames = 10

// wished is a wish, and what the store knows of its stack.
type wished struct {
	Request
	stack  *config.Stack
	commit string
	open   *store.Run   // that would be superseded; nil if there is none
	runs   []*store.Run // of the stack, newest first
	redact func(string) string
}

// isThere refuses a wish for a commit without the stack, a variable that is not declared, and a resource that neither the configuration
// nor the state has. What nobody can tell beforehand is refused only where a run would be superseded for it.
func (o *Operator) isThere(conf *active.Config, s *config.Stack, r Request, at place) error {
	if r.Wish.Commit == "" && len(r.Wish.Vars) == 0 && len(r.Wish.Replace)+len(r.Wish.Targets) == 0 {
		return nil
	}
	q := wished{Request: r, stack: s, commit: at.commit, redact: o.health.Redact}
	if err := o.store.View(func(tx *store.Tx) error { return q.read(tx) }); err != nil || q.commit == "" {
		return err // without a commit it is refused later, with the reason
	}
	tree, err := conf.Repos[s.Repository].Tree(q.commit)
	if err != nil {
		return fmt.Errorf("looking for what is asked for at commit %s: %w", words.Short(q.commit), err)
	}
	if s.Engine == config.EnginePacker {
		if _, err := stack.Footprint(tree, stack.DefinitionOf(s)); err != nil {
			return q.notThere(err)
		}
		names, whole := packer.Variables(tree, s.Dir, s.Template)
		types := map[string]string{}
		for _, name := range names {
			types[name] = ""
		}
		return q.variables("the template", types, whole)
	}
	root, err := declared.Read(tree, stack.DefinitionOf(s))
	if err != nil {
		return q.notThere(err)
	}
	types, whole := root.Variables()
	if err := q.variables("the root module", types, whole); err != nil || len(r.Wish.Replace)+len(r.Wish.Targets) == 0 {
		return err
	}
	state, err := q.inState(conf.Cfg.DataDir)
	if err != nil {
		return err
	}
	for _, address := range r.Wish.Replace {
		if err := q.resource(root, state, address); err != nil {
			return err
		}
	}
	for _, address := range r.Wish.Targets {
		if err := q.target(root, state, address); err != nil {
			return err
		}
	}
	return nil
}

// read reads what the store knows.
func (q *wished) read(tx *store.Tx) error {
	st, err := tx.Stack(q.stack.Name)
	if err != nil {
		return err
	}
	repository, err := tx.Repository(q.stack.Repository)
	if err != nil {
		return err
	}
	switch {
	case q.commit != "":
	case q.Applied:
		q.commit = st.AppliedCommit
	default:
		q.commit = repository.Head
	}
	if st.OpenRun != 0 {
		if q.open, err = tx.Run(st.OpenRun); err != nil {
			return err
		}
	}
	q.runs, err = tx.Runs(store.RunFilter{Stack: q.stack.Name, Limit: seenRuns})
	return err
}

// seenRuns is how many runs of a stack are looked through for what they applied.
const seenRuns = 200

// notThere words why a stack cannot be read at a commit.
func (q *wished) notThere(err error) error {
	if errors.Is(err, stack.ErrNoDir) {
		return hint.Refuse("name a commit that has it", "at commit %s there is no stack %s: %s", words.Short(q.commit), q.stack.Name, err)
	}
	return err
}

// variables refuses a value for what is no variable, and one that cannot be a value of its variable's type.
func (q *wished) variables(of string, types map[string]string, whole bool) error {
	for _, name := range slices.Sorted(maps.Keys(q.Wish.Vars)) {
		kind, found := types[name]
		switch {
		case !found && whole:
			next := "it declares no variables"
			if len(types) > 0 {
				next = "it declares: " + words.List(slices.Sorted(maps.Keys(types)), shownNames)
			}
			return hint.Refuse(next, "%s has no variable %q", of, name)
		case !found:
			if err := q.untold(fmt.Sprintf("%s has a variable %q", of, name), "not all of its files can be read to their end", "mend the files"); err != nil {
				return err
			}
		default:
			if _, err := varfile.Given(kind, q.Wish.Vars[name]); err != nil { // which quotes the value
				return hint.Refuse(varfile.GivenHint, "the value given for the variable %q of type %s is no expression", name, kind)
			}
		}
	}
	return nil
}

// resource refuses the address of what neither the configuration nor the state has.
func (q *wished) resource(root *declared.Root, state knownState, text string) error {
	a, err := declared.ParseAddress(text)
	if err != nil {
		return control.Errorf(control.Usage, "%q %v", text, err).
			WithHint(`an address is TYPE.NAME, TYPE.NAME[0] or module.NAME["KEY"].TYPE.NAME; sallyport exec %s -- state list shows them`, q.stack.Name)
	}
	if a.String() != text {
		return control.Errorf(control.Usage, "terraform writes the address %s another way", text).WithHint("write it as %s", a)
	}
	if state.has[text] || q.open != nil && q.open.Plan != nil && slices.ContainsFunc(q.open.Plan.Changes, func(c store.Change) bool { return c.Address == text }) {
		return nil // what waits to be created is there, too: only a plan knows the keys of what is not in the state yet
	}
	list := q.listed()
	if others := state.instances(a); len(others) > 0 && state.whole {
		for i := range others {
			others[i] = q.redact(others[i])
		}
		return hint.Refuse("its instances are: "+words.List(others, shownNames)+"; "+list, "stack %s has no %s to replace in its state", q.stack.Name, text)
	}
	return q.inFiles(root.Find(a), a, "replace")
}

// inFiles refuses an address which the state does not have and the files have not either.
func (q *wished) inFiles(found declared.Finding, a declared.Address, to string) error {
	list, text := q.listed(), a.String()
	switch {
	case found.Presence == declared.Absent:
		next := "the addresses that there are: " + list
		if len(found.Like) > 0 {
			slices.Sort(found.Like)
			next = "it has " + words.List(slices.Compact(found.Like), shownNames) + "; " + list
		}
		why := ": " + found.Why
		if found.Why == "there is no "+text {
			why = "" // it says the same
		}
		return hint.Refuse(next, "stack %s has no %s to %s, neither at commit %s nor in its state%s", q.stack.Name, text, to, words.Short(q.commit), why)
	case found.Presence == declared.Untold:
		return q.untold(fmt.Sprintf("stack %s has %s", q.stack.Name, text), found.Why, list)
	case a.Bare() != text:
		return q.untold(fmt.Sprintf("stack %s has %s", q.stack.Name, text), "only a plan knows its keys", list)
	}
	return nil
}

// listed is how to see which addresses there are.
func (q *wished) listed() string {
	return "sallyport exec " + q.stack.Name + " -- state list shows them"
}

// untold refuses what nobody can tell beforehand where a run would be superseded for it.
func (q *wished) untold(what, why, next string) error {
	if q.open == nil {
		return nil
	}
	return hint.Refuse(fmt.Sprintf("%s; or first: sallyport cancel %d", next, q.open.ID),
		"nobody can tell from here whether %s (%s), and #%d would be superseded for it", what, why, q.open.ID)
}

// knownState are the addresses of the instances in a stack's state, as far as they are known.
type knownState struct {
	has   map[string]bool
	whole bool // there are no others, but for what went past the agent
}

// instances are the addresses of a resource's instances.
func (k knownState) instances(of declared.Address) (out []string) {
	for _, address := range slices.Sorted(maps.Keys(k.has)) {
		if a, err := declared.ParseAddress(address); err == nil && a.Bare() == of.Bare() {
			out = append(out, address)
		}
	}
	return out
}

// inState is what the agent knows of a stack's state: it keeps the state, or a copy from before the last apply, and knows what has been
// applied since and what a plan that waits has found.
func (q *wished) inState(dataDir string) (knownState, error) {
	state, err := keptstate.Read(datadir.State(dataDir, q.stack.Name), q.stack.Workspace)
	if err == nil {
		has, err := declared.InState(state)
		return knownState{has, true}, err
	}
	if !errors.Is(err, os.ErrNotExist) {
		return knownState{}, fmt.Errorf("reading the state of %s: %w", q.stack.Name, err)
	}
	newest, err := archive.ReadNewestState(dataDir, q.stack.Name)
	if err != nil {
		return knownState{}, err
	}
	known := knownState{has: map[string]bool{}, whole: newest.State != nil && !newest.Repaired}
	if newest.State != nil {
		if known.has, err = declared.InState(newest.State); err != nil {
			return knownState{}, err
		}
	}
	for _, run := range slices.Backward(q.runs) { // oldest first
		if run.ID >= newest.Run && run.Plan != nil && (run.Apply != nil || q.open != nil && run.ID == q.open.ID) {
			known.note(run)
		}
	}
	return known, nil
}

// note takes what a run's plan says of the state into account: what it applied, and what it found there.
func (k knownState) note(run *store.Run) {
	for _, c := range run.Plan.Changes {
		switch actions := strings.Join(c.Actions, ","); {
		case actions == "create" && run.Apply == nil:
		case actions == "delete" && run.Status == store.Applied, actions == "forget" && run.Status == store.Applied:
			delete(k.has, c.Address)
		default:
			k.has[c.Address] = true
		}
		if c.Previous != "" && c.Previous != c.Address && run.Status == store.Applied {
			delete(k.has, c.Previous)
		}
	}
}
