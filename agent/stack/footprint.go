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
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config"
	"sallyport/agent/hclfile"
	"sallyport/agent/repo"
)

// ErrNoDir says that the stack's directory is not in the commit, or holds no Terraform files.
var ErrNoDir = errors.New("no terraform files in the stack's directory")

const (
	// maxModules bounds how many module directories are followed, so that a repository cannot keep the agent busy for ever.
	maxModules = 10_000
	// maxCalls bounds how many ways of calling one module are told apart.
	maxCalls = 64
)

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

// Definition is what the configuration says about where a stack's files are, and what their expressions can be.
type Definition struct {
	Dir       string   // relative to the root
	VarFiles  []string // relative to Dir
	Watch     []string // doublestar globs, relative to the root
	Template  string   // of a Packer template, relative to Dir; empty: a root module
	Engine    hclfile.Engine
	Workspace string               // empty: not known
	Vars      map[string]cty.Value // of Terraform, beside those of var files
}

// DefinitionOf is the definition of a stack or an image of the configuration. It is the only place where one is made of those.
func DefinitionOf(s *config.Stack) Definition {
	return Definition{
		Dir: s.Dir, VarFiles: s.VarFiles, Watch: s.Watch, Template: s.Template,
		Engine: s.Tool.Reads(), Workspace: s.Workspace, Vars: s.Vars,
	}
}

// Files are the paths that belong to a stack.
type Files struct {
	Dirs  []string // with everything below them; "." is everything
	Files []string
	Globs []string
	// Faults are what is wrong with those that the tool reads, for people. They can only be mended by a change of the files
	// above, so that what belongs to the stack is known all the same. See [Files.Fault].
	Faults []string
	// Unknown are what the tool reads and nobody can tell from here. Of a module, or of more than is looked at, every change is
	// one of the stack's.
	Unknown []Unknown
	// All says that every path of the repository belongs to the stack, since it cannot be told which do.
	All bool
}

// Unknown is something in the configuration that reads what cannot be told from here.
type Unknown struct {
	File   string // where it stands, relative to the root
	Line   int
	Text   string // as it is written, in one line
	Module bool   // it calls a module; else it reads a file
}

// String implements fmt.Stringer: what it is and what to do about it, in one sentence.
func (u Unknown) String() string {
	at := u.File
	if u.Line > 0 {
		at = fmt.Sprintf("%s:%d", u.File, u.Line)
	}
	if u.Module {
		return fmt.Sprintf("%s: nobody can tell from here where %s leads, so that every change counts as one of the stack's and no pull request is planned unasked: write it with constants", at, u.Text)
	}
	return fmt.Sprintf(`%s: nobody can tell from here what %s reads, so that a change of that makes no run: name it in watch = ["DIRECTORY/**"]`, at, u.Text)
}

// Footprint finds the files of a stack in a commit. The error is [ErrNoDir] if there is no stack at that place; what is
// returned with it still covers the directory and the globs, so that its coming back is noticed. Any other error is of the
// tree: it cannot be read now. What is wrong with single files is in the result.
func Footprint(t Tree, d Definition) (Files, error) {
	f, err := find(t, d)
	return f.Files, err
}

func find(t Tree, d Definition) (*finder, error) {
	f := &finder{
		t: t, def: d, dir: path.Clean(d.Dir), links: newLinks(t), budget: newBudget(),
		read: map[string]*module{}, calls: map[string]map[string]bool{}, reads: map[string]bool{}, sets: map[set]bool{},
	}
	f.Dirs, f.Globs = []string{f.dir}, d.Watch
	at, wrong, err := f.links.follow(f.dir)
	if err != nil {
		return f, err
	}
	if wrong != nil {
		return f, f.noDirectory(wrong)
	}
	f.varFiles(at)
	if d.Template != "" {
		err = f.template(path.Join(at, d.Template))
	} else {
		err = f.modules(at)
	}
	if err != nil && !errors.Is(err, ErrNoDir) {
		return f, err
	}
	if linkErr := f.followLinks(); linkErr != nil {
		return f, linkErr
	}
	return f, err
}

// finder looks for the files of one stack.
type finder struct {
	Files
	t      Tree
	def    Definition
	dir    string // as the configuration says; it may be a symlink
	links  *links
	budget *budget

	root    string                     // where the root module really lies
	order   []*module                  // those that are read, the root module first
	read    map[string]*module         // the same by directory
	calls   map[string]map[string]bool // in which ways each directory was called
	remote  []string                   // sources of modules that are not in the repository, with their versions
	strange []string                   // what is wrong with calls of modules, for whoever guards them
	reads   map[string]bool            // files and directories that expressions name; true: where they are there
	sets    map[set]bool
}

// noDirectory is a stack whose directory is not there. A symlink that leads elsewhere than to a directory of the repository
// is not that: it is there, and wrong.
func (f *finder) noDirectory(wrong *repo.FileError) error {
	f.varFiles(f.dir)
	if err := f.followLinks(); err != nil {
		return err
	}
	f.Faults = nil
	switch {
	case wrong.Link == "":
		return fmt.Errorf("directory %s: %w", f.dir, ErrNoDir)
	case errors.Is(wrong, fs.ErrNotExist) && !errors.Is(wrong, repo.ErrUnsafeTree):
		return &noDirError{wrong}
	}
	f.Faults = []string{wrong.Error()}
	return nil
}

// varFiles adds the var files, which are relative to where the directory really lies.
func (f *finder) varFiles(at string) {
	for _, v := range f.def.VarFiles {
		p := path.Join(at, v)
		if outside(p) {
			f.addFault(fmt.Sprintf("var file %s of %s is outside of the repository", v, f.dir))
			continue
		}
		f.Files.Files = append(f.Files.Files, p)
	}
	sort.Strings(f.Files.Files)
}

// everything is the footprint of a stack of which too much is to be read: no change may be missed.
func (f *finder) everything() { f.All = true }

// Touches reports whether a change of a path is one of the stack's.
func (f Files) Touches(p string) bool { return f.All || f.Holds(p) }

// Holds reports whether a path is known to belong to the stack.
func (f Files) Holds(p string) bool {
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
