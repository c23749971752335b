package stack

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/hclfile"
)

// Directory is one with configuration.
type Directory struct {
	Dir string
	// Caller is where it is called as a module, as FILE:LINE; empty: nothing calls it, and so it is a root module. A call by a test
	// is one too.
	Caller string
	// Unit: it is a unit of Terragrunt without terraform files of its own, and so no module.
	Unit bool
}

// Survey finds all directories with configuration in a commit, sorted. Files that cannot be read make no directory and hide none;
// an error is of the tree.
func Survey(t Tree, engine hclfile.Engine) ([]Directory, error) {
	s := &survey{t: t, engine: engine, modules: map[string]*module{}, budget: newBudget()}
	if err := s.scan("."); err != nil {
		return nil, fmt.Errorf("looking through the repository: %w", err)
	}
	callers := map[string]string{}
	for _, m := range s.modules {
		if err := s.called(m, m.calls, callers); err != nil {
			return nil, fmt.Errorf("looking through the repository: %w", err)
		}
	}
	// Tests are run where there is something to test.
	tests := slices.DeleteFunc(s.tests, func(c call) bool { return s.modules[c.dir] == nil })
	if err := s.called(&module{}, tests, callers); err != nil {
		return nil, fmt.Errorf("looking through the repository: %w", err)
	}
	var out []Directory
	for dir := range s.modules {
		out = append(out, Directory{Dir: dir, Caller: callers[dir]})
	}
	for _, dir := range s.units {
		out = append(out, Directory{Dir: dir, Unit: true})
	}
	slices.SortFunc(out, func(a, b Directory) int { return strings.Compare(a.Dir, b.Dir) })
	return out, nil
}

// Roots finds the root modules among those directories that match: those that no other directory of the repository calls.
func Roots(t Tree, engine hclfile.Engine, match func(dir string) bool) ([]string, error) {
	all, err := Survey(t, engine)
	if err != nil {
		return nil, err
	}
	return RootsIn(all, match), nil
}

// RootsIn picks the root modules among directories.
func RootsIn(all []Directory, match func(dir string) bool) []string {
	var roots []string
	for _, d := range all {
		if !d.Unit && d.Caller == "" && match(d.Dir) {
			roots = append(roots, d.Dir)
		}
	}
	return roots
}

// Surveys are those of one commit, each made once: a repository can have many globs.
type Surveys struct {
	tree Tree
	made map[hclfile.Engine][]Directory
}

// NewSurveys makes none yet.
func NewSurveys(t Tree) *Surveys { return &Surveys{tree: t, made: map[hclfile.Engine][]Directory{}} }

// Of is the survey for one engine; see [Survey].
func (s *Surveys) Of(engine hclfile.Engine) ([]Directory, error) {
	all, made := s.made[engine]
	if made {
		return all, nil
	}
	all, err := Survey(s.tree, engine)
	if err == nil {
		s.made[engine] = all
	}
	return all, err
}

type survey struct {
	t       Tree
	engine  hclfile.Engine
	budget  *budget
	modules map[string]*module
	tests   []call
	units   []string // of Terragrunt
}

// called notes what a module calls: as far as its sources are constant, for whatever it is given.
func (s *survey) called(m *module, calls []call, callers map[string]string) error {
	in := &instance{budget: s.budget, module: m, root: m.dir}
	for _, c := range calls {
		if c.source == nil {
			continue
		}
		for _, source := range in.constants(c.source, nil) {
			if err := s.calledBy(c, source.s, callers); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *survey) calledBy(c call, source string, callers map[string]string) error {
	dir := path.Join(c.dir, localSource(source))
	if localSource(source) == "" || outside(dir) {
		return nil
	}
	at, _, err := s.t.Resolve(dir)
	if err != nil && WrongFile(err) == nil {
		return err
	}
	if c.test && (at == "." || strings.HasPrefix(c.dir, at+"/")) {
		return nil // that which holds the tests
	}
	by := fmt.Sprintf("%s:%d", c.file, c.line)
	if err == nil && at != c.dir && (callers[at] == "" || by < callers[at]) {
		callers[at] = by
	}
	return nil
}

// maxDirectories bounds how many directories with configuration a repository may have.
const maxDirectories = maxModules

// scan reads every directory with configuration below dir, and its tests.
func (s *survey) scan(dir string) error {
	if len(s.modules)+len(s.units) >= maxDirectories {
		return fmt.Errorf("more than %d directories with terraform files", maxDirectories)
	}
	m, err := readModule(s.t, dir, s.engine)
	var unit *unitError
	switch {
	case err == nil && m.readable:
		s.modules[dir] = m
	case errors.As(err, &unit):
		s.units = append(s.units, dir)
	case err != nil && !errors.Is(err, ErrNoDir):
		return err
	}
	tests, err := testCalls(s.t, dir, s.engine)
	if err != nil {
		return err
	}
	s.tests = append(s.tests, tests...)
	entries, err := s.t.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || e.Name() == ".git" || e.Name() == ".terraform" {
			continue
		}
		if err := s.scan(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// maxNear is how many root modules are named where a glob matches none.
const maxNear = 3

// Nearest is what people may have meant by a glob that matches nothing: the deepest directory on its way that there is, and some of
// the root modules in it.
func Nearest(t Tree, glob string, all []Directory) (dir string, roots []string, err error) {
	dir, _ = doublestar.SplitPattern(glob)
	for ; dir != "."; dir = path.Dir(dir) {
		if _, err := t.ReadDir(dir); err == nil {
			break
		} else if WrongFile(err) == nil {
			return "", nil, err
		}
	}
	for _, d := range all {
		if len(roots) < maxNear && !d.Unit && d.Caller == "" && (dir == "." || d.Dir == dir || strings.HasPrefix(d.Dir, dir+"/")) {
			roots = append(roots, d.Dir)
		}
	}
	return dir, roots, nil
}
