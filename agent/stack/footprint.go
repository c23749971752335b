package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/repo"
)

// ErrNoDir says that the stack's directory is not in the commit, or holds no Terraform files.
var ErrNoDir = errors.New("no terraform files in the stack's directory")

// maxModules bounds how many module directories are followed, so that a repository cannot keep the agent busy for ever.
const maxModules = 10_000

// Tree is the files of one commit. Paths are slash-separated and relative to the repository's root, which is ".".
// Symlinks inside of the tree are followed. An error that is a [*repo.FileError] is about the commit's own content; any
// other one says that the commit cannot be read now.
type Tree interface {
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	// Resolve returns where a path lies without symlinks, and the paths whose change can lead it elsewhere; those also with
	// a FileError.
	Resolve(path string) (at string, through []string, err error)
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
	// Faults are what is wrong with those that the tool reads, for people. They can only be mended by a change of the files
	// above, so that what belongs to the stack is known all the same. See [Files.Fault].
	Faults []string
}

// Footprint finds the files of a stack in a commit. The error is [ErrNoDir] if there is no stack at that place; what is
// returned with it still covers the directory and the globs, so that its coming back is noticed. Any other error is of the
// tree: it cannot be read now. What is wrong with single files is in the result.
func Footprint(t Tree, d Definition) (Files, error) {
	f := &finder{t: t, def: d, dir: path.Clean(d.Dir), links: newLinks(t)}
	f.Dirs, f.Globs = []string{f.dir}, d.Watch
	at, wrong, err := f.links.follow(f.dir)
	if err != nil {
		return f.Files, err
	}
	if wrong != nil {
		return f.noDirectory(wrong)
	}
	f.varFiles(at)
	if d.Template != "" {
		err = f.template(path.Join(at, d.Template))
	} else {
		err = f.modules(at)
	}
	if err != nil && !errors.Is(err, ErrNoDir) {
		return f.Files, err
	}
	if linkErr := f.followLinks(); linkErr != nil {
		return f.Files, linkErr
	}
	return f.Files, err
}

// finder looks for the files of one stack.
type finder struct {
	Files
	t     Tree
	def   Definition
	dir   string // as the configuration says; it may be a symlink
	links *links
}

// noDirectory is a stack whose directory is not there. A symlink that leads elsewhere than to a directory of the repository
// is not that: it is there, and wrong.
func (f *finder) noDirectory(wrong *repo.FileError) (Files, error) {
	f.varFiles(f.dir)
	if err := f.followLinks(); err != nil {
		return f.Files, err
	}
	f.Faults = nil
	switch {
	case wrong.Link == "":
		return f.Files, fmt.Errorf("directory %s: %w", f.dir, ErrNoDir)
	case errors.Is(wrong, fs.ErrNotExist) && !errors.Is(wrong, repo.ErrUnsafeTree):
		return f.Files, &noDirError{wrong}
	}
	f.Faults = []string{wrong.Error()}
	return f.Files, nil
}

// varFiles adds the var files, which are relative to where the directory really lies.
func (f *finder) varFiles(at string) {
	for _, v := range f.def.VarFiles {
		p := path.Join(at, v)
		if p == ".." || strings.HasPrefix(p, "../") {
			f.addFault(fmt.Sprintf("var file %s of %s is outside of the repository", v, f.dir))
			continue
		}
		f.Files.Files = append(f.Files.Files, p)
	}
	sort.Strings(f.Files.Files)
}

// modules follows the calls of local modules from the root module on.
func (f *finder) modules(root string) error {
	seen := map[string]bool{}
	queue := []string{root}
	for ; len(queue) > 0; queue = queue[1:] {
		at, wrong, err := f.links.follow(queue[0])
		if err != nil {
			return err
		}
		if queue[0] != f.dir && len(seen) > 0 {
			f.Dirs = append(f.Dirs, queue[0])
		}
		if wrong != nil { // plainly missing: terraform will say so
			if leadsWrong(wrong) {
				f.addFault(wrong.Error())
			}
			continue
		}
		if seen[at] {
			continue
		}
		if len(seen) >= maxModules {
			f.everything()
			return nil
		}
		m, err := readModule(f.t, at)
		if errors.Is(err, ErrNoDir) && len(seen) == 0 {
			return fmt.Errorf("directory %s: %w", f.dir, err)
		}
		if err != nil && !errors.Is(err, ErrNoDir) {
			return fmt.Errorf("module %s: %w", at, err)
		}
		seen[at] = true
		for _, fault := range m.faults {
			f.addFault(fault)
		}
		queue = append(queue, m.local(at)...)
	}
	sort.Strings(f.Dirs)
	f.Dirs = slices.Compact(f.Dirs)
	return nil
}

// everything is the footprint of a stack of which too much is to be read: no change may be missed.
func (f *finder) everything() { f.Dirs = []string{"."} }

// Touches reports whether a path belongs to the stack.
func (f Files) Touches(p string) bool {
	if f.below(p) {
		return true
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

// below reports whether a path lies in one of the directories.
func (f Files) below(p string) bool {
	return slices.ContainsFunc(f.Dirs, func(d string) bool { return d == "." || p == d || strings.HasPrefix(p, d+"/") })
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
