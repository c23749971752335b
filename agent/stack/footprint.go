package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// ErrNoDir says that the stack's directory is not in the commit, or holds no Terraform files.
var ErrNoDir = errors.New("no terraform files in the stack's directory")

// maxModules bounds how many module directories are followed, so that a repository cannot keep the agent busy for ever.
const maxModules = 10_000

// Tree is the files of one commit. Paths are slash-separated and relative to the repository's root, which is ".".
// A path that is not there is fs.ErrNotExist.
type Tree interface {
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Definition is what the configuration says about where a stack's files are.
type Definition struct {
	Dir      string   // relative to the root
	VarFiles []string // relative to Dir
	Watch    []string // doublestar globs, relative to the root
	Template string   // of a Packer template, relative to Dir; empty: a root module
}

// Files are the paths that belong to a stack.
type Files struct {
	Dirs  []string // with everything below them; "." is everything
	Files []string
	Globs []string
}

// Footprint finds the files of a stack in a commit. The error is [ErrNoDir] if there is no stack at that place; what is
// returned with it still covers the directory and the globs, so that its coming back is noticed.
func Footprint(t Tree, d Definition) (Files, error) {
	dir := path.Clean(d.Dir)
	f := Files{Dirs: []string{dir}, Globs: d.Watch}
	for _, v := range d.VarFiles {
		f.Files = append(f.Files, path.Clean(path.Join(dir, v)))
	}
	sort.Strings(f.Files)
	if d.Template != "" {
		if err := findTemplate(t, path.Join(dir, d.Template)); err != nil {
			return f, err
		}
		f.followLinks(t)
		return f, nil
	}
	here, err := readModule(t, dir)
	if err != nil {
		return f, fmt.Errorf("directory %s: %w", dir, err)
	}
	seen := map[string]bool{dir: true}
	queue := here.local(dir)
	for len(queue) > 0 && len(seen) < maxModules {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		f.Dirs = append(f.Dirs, at)
		m, err := readModule(t, at)
		if err != nil && !errors.Is(err, ErrNoDir) {
			return f, fmt.Errorf("module %s: %w", at, err)
		}
		queue = append(queue, m.local(at)...) // nothing, if the module is not there: terraform will say so
	}
	sort.Strings(f.Dirs)
	f.followLinks(t)
	return f, nil
}

// Touches reports whether a path belongs to the stack.
func (f Files) Touches(p string) bool {
	for _, d := range f.Dirs {
		if d == "." || p == d || strings.HasPrefix(p, d+"/") {
			return true
		}
	}
	for _, file := range f.Files {
		if p == file {
			return true
		}
	}
	for _, g := range f.Globs {
		if ok, err := doublestar.Match(g, p); err == nil && ok {
			return true
		}
	}
	return false
}

// FirstTouched is the first of the paths that belongs to the stack; empty if none does.
func (f Files) FirstTouched(paths []string) string {
	for _, p := range paths {
		if f.Touches(p) {
			return p
		}
	}
	return ""
}
