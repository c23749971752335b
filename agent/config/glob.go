package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/config/naming"
)

// Matches reports whether a root module of this directory, which is relative to the repository's root, becomes a stack of the block.
func (g *StackGlob) Matches(dir string) bool {
	matches := func(glob string) bool { return doublestar.MatchUnvalidated(glob, dir) }
	return matches(g.Glob) && !slices.ContainsFunc(g.Exclude, matches)
}

// SameBlock reports whether two are of one block, each for a key of its for_each.
func (g *StackGlob) SameBlock(other *StackGlob) bool {
	return g == other || g.Block != "" && g.Block == other.Block
}

// StackFor makes the stack of one directory that matches the glob, given slash-separated and relative to the
// repository's root. Its name is the directory's with - for / and for what a name cannot hold, and the key of for_each at its end; the
// root's is the repository's. The error is a [DirError]. If all stacks of the glob depend on one of them, that one does not depend on
// itself.
func (g *StackGlob) StackFor(dir string) (*Stack, error) {
	clean, reason := naming.CleanDir(dir)
	if reason == "" && !utf8.ValidString(dir) {
		reason = "it is not UTF-8"
	}
	if reason != "" {
		return nil, &DirError{Glob: g.Glob, Dir: dir, Kind: UnusableDir, Reason: reason}
	}
	s := g.Stack
	if g.later != nil {
		made, err := g.later(clean)
		if err != nil {
			return nil, &DirError{Glob: g.Glob, Dir: dir, Kind: WrongValue, Reason: strings.ReplaceAll(err.Error(), "\n", "; ")}
		}
		s = *made
	} else {
		s.Dir, s.Name = clean, naming.OfKey(g.Stack.Repository, clean, g.Key)
		s.Inputs = finalInputs(g.Stack.Inputs, clean)
	}
	for _, f := range s.VarFiles {
		if reason := naming.VarFileFault(clean, f); reason != "" {
			return nil, &DirError{Glob: g.Glob, Dir: dir, Kind: FarVarFile, Reason: "var file " + path.Base(f) + ": " + reason}
		}
	}
	ups := s.DependsOn
	s.DependsOn = nil
	for _, up := range ups {
		if up != s.Name {
			s.DependsOn = append(s.DependsOn, up)
		}
	}
	return &s, nil
}

// FaultKind is what is wrong with a directory that a glob matches.
type FaultKind string

// What can be wrong with directories that globs match.
const (
	SameName    FaultKind = "names"
	UnusableDir FaultKind = "directories"
	FarVarFile  FaultKind = "var files"
	Circle      FaultKind = "circles" // of stacks that depend on each other
	NoMatch     FaultKind = "globs"   // that match nothing
	WrongValue  FaultKind = "values"  // that a directory makes of the configuration
	OneState    FaultKind = "states"  // that two stacks of a directory would share
)

// DirError says why a directory that a glob matches is no stack.
type DirError struct {
	Glob, Dir string
	Kind      FaultKind
	Reason    string
}

// Error implements error.
func (e *DirError) Error() string {
	return fmt.Sprintf("making a stack of %q by stacks %q: %s", e.Dir, e.Glob, e.Reason)
}
