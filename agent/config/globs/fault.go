package globs

import (
	"fmt"
	"strings"

	"github.com/dustin/go-humanize"

	"sallyport/agent/config"
	"sallyport/notify/words"
)

// maxExamples is how many directories a fault of many names; maxShownDir how many bytes of each are shown.
const (
	maxExamples = 3
	maxShownDir = 100
	maxCircle   = 5 // stacks of a circle that are shown
)

// Kinds are all kinds that there are of [Fault].
func Kinds() []string {
	return []string{string(config.SameName), string(config.UnusableDir), string(config.FarVarFile), string(config.Circle), string(config.NoMatch), string(config.WrongValue), string(config.OneState)}
}

// Fault is one thing that is wrong with globs, or with directories which they match, however many: a repository can hold
// thousands, and a line for each would bury what else there is to read.
type Fault struct {
	Kind     string // a word that tells faults apart
	Count    int
	Examples []string // the first three
}

// Circles is the fault of the circles in which stacks depend on each other; nil if there is none.
func Circles(stacks []*config.Stack) *Fault {
	var f *Fault
	for _, cycle := range config.Cycles(stacks) {
		if f == nil {
			f = &Fault{Kind: string(config.Circle)}
		}
		text := strings.Join(cycle[:min(len(cycle), maxCircle)], " -> ")
		if more := len(cycle) - maxCircle; more > 0 {
			text += fmt.Sprintf(" -> %s more", humanize.Comma(int64(more)))
		}
		f.add(text + " -> " + cycle[0])
	}
	return f
}

// Near is where in a repository something is that people may have meant by a glob.
type Near struct {
	Dir   string   // the deepest directory on its way that there is
	Roots []string // some of the root modules in it
}

// NoMatch adds a glob that matches nothing to a fault, which is made if it is nil.
func (f *Fault) NoMatch(g *config.StackGlob, near Near) *Fault {
	if f == nil {
		f = &Fault{Kind: string(config.NoMatch)}
	}
	where := "there is " + shownDir(near.Dir)
	if near.Dir == "." {
		where = "the repository has none on its way"
	}
	text := fmt.Sprintf("stacks %q (%s", g.Glob, where)
	if len(near.Roots) > 0 {
		text += ", and root modules such as " + strings.Join(near.Roots, ", ")
	}
	f.add(text + ")")
	return f
}

func (f *Fault) add(example string) {
	f.Count++
	if len(f.Examples) < maxExamples {
		f.Examples = append(f.Examples, example)
	}
}

// Error implements error: one line where it is about one thing; else one that says of how many, one for each example, and one for the
// rest. Put on one line, with blanks for the line ends, they still read as one sentence.
func (f *Fault) Error() string {
	var text string
	switch config.FaultKind(f.Kind) {
	case config.SameName:
		text = words.CountOf(f.Count, "name of a stack is", "names of stacks are") + " wanted more than once (capitals do not tell them apart): "
	case config.FarVarFile:
		text = words.CountOf(f.Count, "directory is no stack: its var file", "directories are no stacks: their var files") + " would lie outside of the repository: "
	case config.NoMatch:
		text = words.CountOf(f.Count, "glob matches", "globs match") + " no root module: "
	case config.WrongValue:
		text = words.CountOf(f.Count, "directory is no stack: what the configuration makes of it is", "directories are no stacks: what the configuration makes of them is") + " wrong: "
	case config.OneState:
		text = words.CountOf(f.Count, "directory has stacks", "directories have stacks") + " that would share one state, and are none: "
	case config.Circle:
		text = words.CountOf(f.Count, "circle", "circles") + " of stacks that depend on each other and wait for ever: "
	default:
		text = words.CountOf(f.Count, "directory is no stack: its path", "directories are no stacks: their paths") + " cannot be used: "
	}
	if f.Count > 1 {
		text = strings.TrimSuffix(text, " ") + "\n"
	}
	text += strings.Join(f.Examples, ";\n")
	if more := f.Count - len(f.Examples); more > 0 {
		text += fmt.Sprintf(";\nand %s more", humanize.Comma(int64(more)))
	}
	return text
}

// UserHint says what to do.
func (f *Fault) UserHint() string {
	switch config.FaultKind(f.Kind) {
	case config.SameName:
		return `give each of these directories but one a block of its own: stack "NAME" { dir = "..." }`
	case config.FarVarFile:
		return "give these directories stack blocks of their own, or correct var_files: they are relative to each directory"
	case config.WrongValue:
		return "correct what depends on dir in the stacks block, or in defaults"
	case config.OneState:
		return "give each key of for_each a workspace or backend_config of its own: workspace = each.key"
	case config.Circle:
		return "correct depends_on"
	case config.NoMatch:
		return "correct the glob, or push what it is to match; sallyport check --repo DIR lists what would be found in a checkout"
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

func shownDirs(stacks []*config.Stack) string {
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
