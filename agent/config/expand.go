package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Match is a directory that the glob of a stacks block matches.
type Match struct {
	Glob *StackGlob
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

// Expand makes the stacks of a repository's globs, by name. Directories that have a stack block of their own are left to that; a
// block with another workspace or backend_config is another stack of the same directory.
//
// A name that two directories would have, equal or equal but for case, is that of neither: the history and the state of one
// would be taken for those of the other. The one that had it before keeps it, so that a new directory takes no stack away.
// Either way it is told. Faults come one for each kind, however many directories they are about.
func (c *Config) Expand(e Expansion) ([]*Stack, []*GlobFault) {
	x := &expander{Expansion: e, blocks: map[string]*Stack{}, wanted: map[string][]*Stack{}, elsewhere: map[string]Owner{}}
	for name, o := range e.Elsewhere {
		x.elsewhere[strings.ToLower(name)] = o
	}
	dirs, own := map[string]bool{}, map[string]bool{}
	for _, s := range c.Stacks {
		x.blocks[strings.ToLower(s.Name)] = s
		if s.Repository == e.Repository && s.Engine != EnginePacker {
			own[stateKey(s.Dir, s)] = true // its block says more than the glob
		}
	}
	for _, m := range e.Matches {
		if !dirs[m.Dir] && !own[stateKey(m.Dir, &m.Glob.Stack)] {
			dirs[m.Dir] = true
			x.add(m)
		}
	}
	var found []*Stack
	for _, name := range x.names {
		if s := x.settle(name); s != nil {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *Stack) int { return cmp.Compare(a.Name, b.Name) })
	return found, x.faults
}

// stateKey is what makes a stack of a directory another one than the others of that directory: its state.
func stateKey(dir string, s *Stack) string {
	return strings.Join([]string{dir, s.Workspace, backendKey(s.BackendConfig)}, "\x00")
}

type expander struct {
	Expansion
	blocks    map[string]*Stack // stacks that have a block; all of these by name in lower case
	elsewhere map[string]Owner
	wanted    map[string][]*Stack // what the directories would become
	names     []string            // the keys of wanted, in the order of the matches
	faults    []*GlobFault
}

func (x *expander) add(m Match) {
	s, err := m.Glob.StackFor(m.Dir)
	var fault *DirError
	switch {
	case errors.As(err, &fault):
		x.fault(fault.kind, shownDir(m.Dir)+" ("+fault.reason+")")
	case err == nil:
		key := strings.ToLower(s.Name)
		if x.wanted[key] == nil {
			x.names = append(x.names, key)
		}
		x.wanted[key] = append(x.wanted[key], s)
	}
}

// settle gives a name to the directory that gets it, if one does, and tells those that do not.
func (x *expander) settle(name string) *Stack {
	all := x.wanted[name]
	text := all[0].Name + " of " + shownDirs(all)
	if block := x.blocks[name]; block != nil {
		x.fault(sameName, text+fmt.Sprintf(" and of the block %q", block.Name))
		return nil
	}
	if o, taken := x.elsewhere[name]; taken {
		x.fault(sameName, text+fmt.Sprintf(" and of %s in repository %s", shownDir(o.Dir), o.Repository))
		return nil
	}
	if len(all) == 1 {
		return all[0]
	}
	for _, s := range all {
		if x.Before[s.Name] == (Owner{x.Repository, s.Dir}) {
			x.fault(sameName, text+", and stays that of "+shownDir(s.Dir))
			return s
		}
	}
	x.fault(sameName, text)
	return nil
}

func (x *expander) fault(kind faultKind, example string) {
	for _, f := range x.faults {
		if f.Kind == string(kind) {
			f.add(example)
			return
		}
	}
	f := &GlobFault{Kind: string(kind)}
	f.add(example)
	x.faults = append(x.faults, f)
}
