package config

import (
	"fmt"
	"path"
	"slices"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/config/naming"
)

// Matches reports whether a root module of this directory, which is relative to the repository's root, becomes a stack of the block.
func (g *StackGlob) Matches(dir string) bool {
	matches := func(glob string) bool { return doublestar.MatchUnvalidated(glob, dir) }
	return matches(g.Glob) && !slices.ContainsFunc(g.Exclude, matches)
}

// StackFor makes the stack of one directory that matches the glob, given slash-separated and relative to the
// repository's root. Its name is the directory's with - for / and for what a name cannot hold; the root's is the repository's.
// The error is a [DirError]. If all stacks of the glob depend on one of them, that one does not depend on itself.
func (g *StackGlob) StackFor(dir string) (*Stack, error) {
	clean, reason := naming.CleanDir(dir)
	if reason == "" && !utf8.ValidString(dir) {
		reason = "it is not UTF-8"
	}
	if reason != "" {
		return nil, &DirError{Glob: g.Glob, Dir: dir, Kind: UnusableDir, Reason: reason}
	}
	s := g.Stack
	s.Dir, s.Name = clean, naming.Of(g.Stack.Repository, clean)
	for _, f := range s.VarFiles {
		if reason := naming.VarFileFault(clean, f); reason != "" {
			return nil, &DirError{Glob: g.Glob, Dir: dir, Kind: FarVarFile, Reason: "var file " + path.Base(f) + ": " + reason}
		}
	}
	s.DependsOn = nil
	for _, up := range g.Stack.DependsOn {
		if up != s.Name {
			s.DependsOn = append(s.DependsOn, up)
		}
	}
	s.Inputs = finalInputs(g.Stack.Inputs, clean)
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
