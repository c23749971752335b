// Package survey says what a configuration would find in the files of a repository: which stacks and images, why each is one, why
// other directories are none, and what of their files cannot be followed. It is how somebody looks before the agent does.
package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/config"
	"sallyport/agent/config/globs"
	"sallyport/agent/datadir"
	"sallyport/agent/packer"
	"sallyport/agent/stack"
)

// Report is what is found in one repository.
type Report struct {
	Repository string   `json:"repository"`
	Globs      []Glob   `json:"globs"`
	Stacks     []Stack  `json:"stacks"`
	Images     []Stack  `json:"images"`
	Faults     []string `json:"faults"` // of globs, each with what to do
}

// Glob is a stacks block.
type Glob struct {
	Glob    string    `json:"glob"`
	Stacks  int       `json:"stacks"`
	Keys    []string  `json:"for_each,omitempty"` // of its for_each: each directory makes a stack for each
	Nearest string    `json:"nearest"`            // of one that matches nothing: the deepest directory on its way that there is
	None    []NoStack `json:"none"`               // directories with configuration that the glob matches and that make no stack
}

// NoStack is a directory that is no stack of a glob.
type NoStack struct {
	Dir string `json:"dir"`
	Why string `json:"why"`
}

// Stack is a stack or an image.
type Stack struct {
	Name    string   `json:"name"`
	Dir     string   `json:"dir"`
	Why     string   `json:"why"`
	Error   string   `json:"error"`   // why it could not be planned; empty: it could
	State   string   `json:"state"`   // where its state is, as its files on disk say; empty: nobody can tell from here
	Unknown []string `json:"unknown"` // what it reads and cannot be followed, each with what to do
	Plugins []string `json:"plugins"` // that the template of an image asks packer for

	// Missing are those of Plugins that are not on this machine, where the agent would look for them.
	Missing []string `json:"missing_plugins"`
	// Present says in words which plugins are there; empty: the template asks for none.
	Present string `json:"-"`
}

// Of looks through the files of a repository.
func Of(cfg *config.Config, repository string, tree stack.Tree) (*Report, error) {
	return survey(place{tree: tree}, cfg, repository)
}

// place is where the files are.
type place struct {
	tree stack.Tree
	disk string // the directory that they lie in; empty: they are in a commit
}

func survey(at place, cfg *config.Config, repository string) (*Report, error) {
	s := &surveyor{cfg: cfg, place: at, report: &Report{Repository: repository, Globs: []Glob{}, Stacks: []Stack{}, Images: []Stack{}, Faults: []string{}}}
	for _, st := range cfg.Stacks {
		if st.Repository == repository {
			if err := s.add(st, "it has a block of its own"); err != nil {
				return nil, err
			}
		}
	}
	if err := s.globs(); err != nil {
		return nil, err
	}
	return s.report, nil
}

type surveyor struct {
	place
	cfg    *config.Config
	report *Report
}

// add looks at the files of one stack.
func (s *surveyor) add(st *config.Stack, why string) error {
	out := Stack{Name: st.Name, Dir: st.Dir, Why: why, State: s.stateIn(st), Unknown: []string{}, Plugins: []string{}, Missing: []string{}}
	files, err := stack.Footprint(s.tree, stack.DefinitionOf(st))
	if err == nil {
		err = files.Fault()
	} else if !errors.Is(err, stack.ErrNoDir) {
		return fmt.Errorf("looking at stack %s: %w", st.Name, err)
	}
	if err != nil {
		out.Error = err.Error()
	} else if err := s.varFiles(&out, st); err != nil {
		return err
	}
	for _, u := range files.Unknown {
		out.Unknown = append(out.Unknown, u.String())
	}
	if names, err := stack.NamesIn(s.tree, st.Dir); err == nil && slices.Contains(names, stack.TerragruntFile) && out.Error == "" {
		out.Unknown = append(out.Unknown, path.Join(st.Dir, stack.TerragruntFile)+
			": Terragrunt is not run here: what it gives this root (a backend, inputs, other files) has to stand in backend_config, vars and terraform files")
	}
	if st.Engine == config.EnginePacker {
		if at, _, err := s.tree.Resolve(st.Dir); err == nil {
			s.plugins(&out, st, packer.Plugins(s.tree, at, st.Template))
		}
		s.report.Images = append(s.report.Images, out)
		return nil
	}
	s.report.Stacks = append(s.report.Stacks, out)
	return nil
}

// varFiles notes which of the var files that the configuration names are not there: its plan would end with that, unless a hook makes
// them before it.
func (s *surveyor) varFiles(out *Stack, st *config.Stack) error {
	at, _, err := s.tree.Resolve(st.Dir)
	if err != nil {
		return fmt.Errorf("looking for the var files of %s: %w", st.Name, err)
	}
	for _, name := range st.VarFiles {
		file := path.Join(at, name)
		if _, err := s.tree.ReadFile(file); !errors.Is(err, fs.ErrNotExist) {
			continue // what is wrong with one that is there its plan says
		}
		made := slices.ContainsFunc([]*config.Hooks{s.cfg.Hooks, st.Hooks}, func(h *config.Hooks) bool { return h != nil && len(h.BeforePlan) > 0 })
		switch text := file + ": var_files names it, and it is not there"; {
		case made:
			out.Unknown = append(out.Unknown, text+": if no before_plan hook makes it, add it or take it out of var_files")
		case out.Error == "":
			out.Error = text
		default:
			out.Error += "; " + text
		}
	}
	return nil
}

// plugins notes what the template of an image asks packer for, and what of that is here.
func (s *surveyor) plugins(out *Stack, st *config.Stack, wants []packer.Plugin) {
	if len(wants) == 0 {
		return
	}
	found := Plugins(s.cfg, st, wants)
	out.Present = found.String()
	for _, p := range wants {
		out.Plugins = append(out.Plugins, p.String())
	}
	for _, p := range found.Missing {
		out.Missing = append(out.Missing, p.String())
	}
}

// Plugins looks on this machine for the plugins of an image, where the agent's packer would. Nothing is fetched: it would belong to
// whoever looks.
func Plugins(cfg *config.Config, st *config.Stack, wants []packer.Plugin) packer.Found {
	search := packer.Search{Home: datadir.Home(cfg.DataDir), OtherUser: cfg.Terraform.User != ""}
	if value, set := st.Env[packer.PluginPath]; set {
		search.PluginPath = value.Reveal()
	}
	return search.For(wants)
}

// globs finds the stacks of stacks blocks, as the agent does.
func (s *surveyor) globs() error {
	repository := s.report.Repository
	e := globs.Expansion{Repository: repository}
	surveys := stack.NewSurveys(s.tree)
	var empty *globs.Fault
	matched := map[string]int{} // the first block, by directory
	var last *config.StackGlob
	for _, g := range s.cfg.StackGlobs {
		if g.Stack.Repository != repository {
			continue
		}
		all, err := surveys.Of(g.Stack.Tool.Reads())
		if err != nil {
			return err
		}
		roots := stack.RootsIn(all, g.Matches)
		for _, dir := range roots {
			e.Matches = append(e.Matches, globs.Match{Glob: g, Dir: dir})
		}
		if last != nil && last.SameBlock(g) {
			of := &s.report.Globs[len(s.report.Globs)-1]
			of.Keys = append(of.Keys, g.Key)
			continue
		}
		last = g
		out := Glob{Glob: g.Glob, None: []NoStack{}}
		if g.Key != "" {
			out.Keys = []string{g.Key}
		}
		if len(roots) == 0 {
			dir, near, err := stack.Nearest(s.tree, g.Glob, all)
			if err != nil {
				return err
			}
			out.Nearest, empty = dir, empty.NoMatch(g, globs.Near{Dir: dir, Roots: near})
		}
		for _, dir := range roots {
			if _, taken := matched[dir]; !taken {
				matched[dir] = len(s.report.Globs)
			}
		}
		for _, d := range all {
			if why := noStack(g, d); why != "" {
				out.None = append(out.None, NoStack{d.Dir, why})
			}
		}
		s.report.Globs = append(s.report.Globs, out)
	}
	found, faults := globs.Expand(s.cfg, e)
	if empty != nil {
		faults = append(faults, empty)
	}
	for _, f := range faults {
		s.report.Faults = append(s.report.Faults, f.Error()+": "+f.UserHint())
	}
	return s.settle(found, matched)
}

// settle takes the stacks of globs into the report. A directory that matches and became none has a block, or a name that is taken.
func (s *surveyor) settle(found []*config.Stack, matched map[string]int) error {
	made := map[string]bool{}
	for _, st := range found {
		made[st.Dir] = true
		of := &s.report.Globs[matched[st.Dir]]
		of.Stacks++
		if err := s.add(st, fmt.Sprintf("stacks %q matches it, and nothing calls it", of.Glob)); err != nil {
			return err
		}
	}
	for dir, i := range matched {
		if !made[dir] {
			of := &s.report.Globs[i]
			of.None = append(of.None, NoStack{dir, s.taken(dir)})
		}
	}
	for i := range s.report.Globs {
		slices.SortFunc(s.report.Globs[i].None, func(a, b NoStack) int { return strings.Compare(a.Dir, b.Dir) })
	}
	slices.SortFunc(s.report.Stacks, func(a, b Stack) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// taken says why a root module is no stack of the glob that matches it.
func (s *surveyor) taken(dir string) string {
	for _, st := range s.cfg.Stacks {
		if st.Repository == s.report.Repository && st.Dir == dir && st.Engine != config.EnginePacker {
			return fmt.Sprintf("stack %q has it", st.Name)
		}
	}
	return "see what is wrong with globs"
}

// noStack says why a directory with configuration that a glob matches makes no stack; empty if it makes one, or does not match.
func noStack(g *config.StackGlob, d stack.Directory) string {
	if !doublestar.MatchUnvalidated(g.Glob, d.Dir) {
		return ""
	}
	for _, exclude := range g.Exclude {
		if doublestar.MatchUnvalidated(exclude, d.Dir) {
			return fmt.Sprintf("exclude %q matches it", exclude)
		}
	}
	switch {
	case d.Unit:
		return "it has a " + stack.TerragruntFile + " and no terraform files: Terragrunt is not run here"
	case d.Caller != "":
		return d.Caller + " calls it"
	}
	return ""
}
