package starter

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"sallyport/agent/config/naming"
	"sallyport/agent/hclfile"
	"sallyport/agent/hint"
	"sallyport/agent/stack"
	"sallyport/notify/words"
)

// enough directories beside each other are taken for a kind of stack, of which there will be more.
const enough = 3

// shown is how many directories a note names.
const shown = 10

// found is what makes stacks.
type found struct {
	single []named
	globs  []glob
	notes  []string
}

// glob is a kind of stack: the directories in one, without those that are none.
type glob struct {
	parent  string
	exclude []string
}

type named struct{ name, dir string }

// stacksOf looks for the root modules of a repository. What lies where people keep modules, examples and tests is left to them.
func stacksOf(tree stack.Tree, repository string) (found, error) {
	all, err := stack.Survey(tree, hclfile.Terraform)
	if err != nil {
		return found{}, err
	}
	var out found
	var left []string
	beside := map[string][]string{}
	for _, dir := range stack.RootsIn(all, func(string) bool { return true }) {
		if apart(dir) {
			left = append(left, dir)
			continue
		}
		beside[path.Dir(dir)] = append(beside[path.Dir(dir)], dir)
	}
	taken := map[string]bool{}
	for _, parent := range slices.Sorted(keys(beside)) {
		if len(beside[parent]) >= enough && parent != "." && !strings.ContainsAny(parent, `*?[]{}\`) {
			g := glob{parent: parent}
			for _, dir := range left {
				if path.Dir(dir) == parent {
					g.exclude = append(g.exclude, dir)
				}
			}
			out.globs = append(out.globs, g)
			continue
		}
		for _, dir := range beside[parent] {
			name := naming.Of(repository, dir)
			if !naming.ValidStack(name) || taken[strings.ToLower(name)] {
				left = append(left, dir)
				continue
			}
			taken[strings.ToLower(name)] = true
			out.single = append(out.single, named{name, dir})
		}
	}
	if len(left) > 0 {
		out.notes = append(out.notes, fmt.Sprintf("%s left out, which may be stacks as well: %s", words.CountOf(len(left), "directory is", "directories are"), words.List(left, shown)))
	}
	if len(out.single)+len(out.globs) == 0 {
		return found{}, hint.Refuse("a stack is a directory with .tf files that no other one calls as a module; write the configuration by hand: "+
			"sallyport help config stack", "no directory of the repository makes a stack")
	}
	return out, nil
}

// apart reports whether a directory lies where modules, examples and tests are kept.
func apart(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") && part != "." ||
			slices.Contains([]string{"modules", "module", "examples", "example", "tests", "test", "testdata", "fixtures"}, part)
	})
}

func keys(m map[string][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
