package config

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"sallyport/notify/words"
)

// maxExamples is how many directories a fault of many names; maxShownDir how many bytes of each are shown.
const (
	maxExamples = 3
	maxShownDir = 100
	maxCircle   = 5 // stacks of a circle that are shown
)

// faultKind is what is wrong with a directory that a glob matches.
type faultKind string

const (
	sameName    faultKind = "names"
	unusableDir faultKind = "directories"
	farVarFile  faultKind = "var files"
	circle      faultKind = "circles"
)

// GlobFaultKinds are all kinds that there are of [GlobFault].
func GlobFaultKinds() []string {
	return []string{string(sameName), string(unusableDir), string(farVarFile), string(circle)}
}

// GlobFault is one thing that is wrong with directories which globs match, however many: a repository can hold
// thousands, and a line for each would bury what else there is to read.
type GlobFault struct {
	Kind     string // a word that tells faults apart
	Count    int
	Examples []string // the first three
}

// CircleFault is the fault of the circles in which stacks depend on each other; nil if there is none.
func CircleFault(stacks []*Stack) *GlobFault {
	var f *GlobFault
	for _, cycle := range Cycles(stacks) {
		if f == nil {
			f = &GlobFault{Kind: string(circle)}
		}
		text := strings.Join(cycle[:min(len(cycle), maxCircle)], " -> ")
		if more := len(cycle) - maxCircle; more > 0 {
			text += fmt.Sprintf(" -> %s more", humanize.Comma(int64(more)))
		}
		f.add(text + " -> " + cycle[0])
	}
	return f
}

func (f *GlobFault) add(example string) {
	f.Count++
	if len(f.Examples) < maxExamples {
		f.Examples = append(f.Examples, example)
	}
}

// Error implements error: one line, however many directories it is about.
func (f *GlobFault) Error() string {
	var text string
	switch faultKind(f.Kind) {
	case sameName:
		text = words.CountOf(f.Count, "name of a stack is", "names of stacks are") + " wanted more than once (capitals do not tell them apart): "
	case farVarFile:
		text = words.CountOf(f.Count, "directory is no stack: its var file", "directories are no stacks: their var files") + " would lie outside of the repository: "
	case circle:
		text = words.CountOf(f.Count, "circle", "circles") + " of stacks that depend on each other and wait for ever: "
	default:
		text = words.CountOf(f.Count, "directory is no stack: its path", "directories are no stacks: their paths") + " cannot be used: "
	}
	text += strings.Join(f.Examples, "; ")
	if more := f.Count - len(f.Examples); more > 0 {
		text += fmt.Sprintf("; and %s more", humanize.Comma(int64(more)))
	}
	return text
}

// UserHint says what to do.
func (f *GlobFault) UserHint() string {
	switch faultKind(f.Kind) {
	case sameName:
		return `give each of these directories but one a block of its own: stack "NAME" { dir = "..." }`
	case farVarFile:
		return "give these directories stack blocks of their own, or correct var_files: they are relative to each directory"
	case circle:
		return "correct depends_on"
	}
	return "rename the directories"
}

// shownDir is a directory in quotes. Of a long one the end is shown: the beginning is that of its neighbours too.
func shownDir(dir string) string {
	if len(dir) > maxShownDir {
		dir = "..." + strings.ToValidUTF8(dir[len(dir)-maxShownDir:], "")
	}
	return fmt.Sprintf("%q", dir)
}

func shownDirs(stacks []*Stack) string {
	var dirs []string
	for _, s := range stacks[:min(len(stacks), maxExamples)] {
		dirs = append(dirs, shownDir(s.Dir))
	}
	if more := len(stacks) - len(dirs); more > 0 {
		return fmt.Sprintf("%s and %s more", strings.Join(dirs, ", "), humanize.Comma(int64(more)))
	}
	last := len(dirs) - 1
	if last == 0 {
		return dirs[0]
	}
	return strings.Join(dirs[:last], ", ") + " and " + dirs[last]
}

// DirError says why a directory that a glob matches is no stack.
type DirError struct {
	Glob, Dir string
	kind      faultKind
	reason    string
}

// Error implements error.
func (e *DirError) Error() string {
	return fmt.Sprintf("making a stack of %q by stacks %q: %s", e.Dir, e.Glob, e.reason)
}
