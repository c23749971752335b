// Package globs makes stacks of the directories that the globs of a configuration match in a commit, and tells what cannot become one.
package globs

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/notify/words"
)

// Match is a directory that the glob of a stacks block matches.
type Match struct {
	Glob *config.StackGlob
	Dir  string // slash-separated, relative to the repository's root
}

// Owner says which directory a stack's name stands for.
type Owner struct {
	Repository string
	Dir        string
}

// Expansion is what is found in a commit of one repository, and what is known besides.
type Expansion struct {
	Repository string
	Matches    []Match          // of a directory that comes twice the first counts
	Before     map[string]Owner // of names in use so far
	Elsewhere  map[string]Owner // of names that globs make of other repositories, which are not to be had
}

// Expand makes the stacks of a repository's globs, by name: one of each directory, or one for each key of a block's for_each. Directories
// that have a stack block of their own are left to that; a block with another workspace or backend_config is another stack of the same
// directory. Two of a directory that would have one state are none, and it is told.
//
// A name that two directories would have, equal or equal but for case, is that of neither: the history and the state of one
// would be taken for those of the other. The one that had it before keeps it, so that a new directory takes no stack away.
// Either way it is told. Faults come one for each kind, however many directories they are about.
func Expand(c *config.Config, e Expansion) ([]*config.Stack, []*Fault) {
	x := &expander{
		Expansion: e, blocks: map[string]*config.Stack{}, own: map[string]bool{}, wanted: map[string][]*config.Stack{}, elsewhere: map[string]Owner{},
	}
	for name, o := range e.Elsewhere {
		x.elsewhere[strings.ToLower(name)] = o
	}
	for _, s := range c.Stacks {
		x.blocks[strings.ToLower(s.Name)] = s
		if s.Repository == e.Repository && s.Engine != config.EnginePacker {
			x.own[config.StateKey(s.Dir, s)] = true // its block says more than the glob
		}
	}
	first, taken := map[string]*config.StackGlob{}, map[Match]bool{}
	for _, m := range e.Matches {
		if first[m.Dir] == nil {
			first[m.Dir] = m.Glob
		}
		if !taken[m] && first[m.Dir].SameBlock(m.Glob) {
			taken[m] = true
			x.add(m)
		}
	}
	x.oneState()
	var found []*config.Stack
	for _, name := range x.names {
		if s := x.settle(name); s != nil {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *config.Stack) int { return cmp.Compare(a.Name, b.Name) })
	return found, x.faults
}

type expander struct {
	Expansion
	blocks    map[string]*config.Stack // stacks that have a block; all of these by name in lower case
	own       map[string]bool          // where their states are
	elsewhere map[string]Owner
	made      []*config.Stack            // of the directories
	wanted    map[string][]*config.Stack // what the directories would become
	names     []string                   // the keys of wanted, in the order of the matches
	faults    []*Fault
}

func (x *expander) add(m Match) {
	if x.own[config.StateKey(m.Dir, &m.Glob.Stack)] {
		return
	}
	s, err := m.Glob.StackFor(m.Dir)
	var fault *config.DirError
	switch {
	case errors.As(err, &fault):
		x.fault(fault.Kind, shownDir(m.Dir)+" ("+fault.Reason+")")
	case err == nil && !x.own[config.StateKey(s.Dir, s)]:
		x.made = append(x.made, s)
	}
}

// oneState leaves out the stacks that would share one state, and notes which names the others want.
func (x *expander) oneState() {
	by := map[string][]*config.Stack{}
	for _, s := range x.made {
		key := config.StateKey(s.Dir, s)
		by[key] = append(by[key], s)
	}
	for _, s := range x.made {
		all := by[config.StateKey(s.Dir, s)]
		if len(all) > 1 {
			if s == all[0] {
				x.fault(config.OneState, shownDir(s.Dir)+" ("+words.List(names(all), maxExamples)+")")
			}
			continue
		}
		key := strings.ToLower(s.Name)
		if x.wanted[key] == nil {
			x.names = append(x.names, key)
		}
		x.wanted[key] = append(x.wanted[key], s)
	}
}

func names(stacks []*config.Stack) (all []string) {
	for _, s := range stacks {
		all = append(all, s.Name)
	}
	return all
}

// settle gives a name to the directory that gets it, if one does, and tells those that do not.
func (x *expander) settle(name string) *config.Stack {
	all := x.wanted[name]
	text := all[0].Name + " of " + shownDirs(all)
	if block := x.blocks[name]; block != nil {
		x.fault(config.SameName, text+fmt.Sprintf(" and of the block %q", block.Name))
		return nil
	}
	if o, taken := x.elsewhere[name]; taken {
		x.fault(config.SameName, text+fmt.Sprintf(" and of %s in repository %s", shownDir(o.Dir), o.Repository))
		return nil
	}
	if len(all) == 1 {
		return all[0]
	}
	for _, s := range all {
		if x.Before[s.Name] == (Owner{x.Repository, s.Dir}) {
			x.fault(config.SameName, text+", and stays that of "+shownDir(s.Dir))
			return s
		}
	}
	x.fault(config.SameName, text)
	return nil
}

func (x *expander) fault(kind config.FaultKind, example string) {
	for _, f := range x.faults {
		if f.Kind == string(kind) {
			f.add(example)
			return
		}
	}
	f := &Fault{Kind: string(kind)}
	f.add(example)
	x.faults = append(x.faults, f)
}
