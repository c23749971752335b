package doctor

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/hashicorp/go-version"

	"sallyport/agent/config"
	"sallyport/agent/config/globs"
	"sallyport/agent/datadir"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/words"
)

// maxNamed bounds how many directories or names one line lists.
const maxNamed = 8

// stacks looks at every stack of a repository in a commit's files, and tries those that terraform could work in.
func (d *doctor) stacks(ctx context.Context, at *checkout, s *section, tools func() <-chan toolbox) []*section {
	var all []*config.Stack
	var out []*section
	for _, st := range d.cfg.Stacks {
		switch {
		case st.Repository != at.config.Name:
		case st.Engine == config.EnginePacker:
			out = append(out, d.checkImage(ctx, d.section("image "+st.Name), st, at.tree))
		default:
			all = append(all, st)
		}
	}
	all = append(all, stacksOf(s, d.cfg, at)...)
	found := (<-tools()).of
	var trials sync.WaitGroup
	for _, st := range all {
		of := d.section("stack " + st.Name)
		checkFiles(of, d.cfg.DataDir, st, at.tree, found[st.Tool])
		out = append(out, of)
		if canInit(of) {
			trials.Go(func() { d.init(ctx, at, st, found[st.Tool].tool, of) })
		}
	}
	trials.Wait()
	return out
}

// stacksOf finds the stacks of a repository's patterns, as the agent does.
func stacksOf(s *section, cfg *config.Config, at *checkout) []*config.Stack {
	e := globs.Expansion{Repository: at.config.Name}
	matching := map[string]string{} // the pattern, by directory
	var patterns []string
	var last *config.StackGlob
	for _, g := range cfg.StackGlobs {
		if g.Stack.Repository != at.config.Name {
			continue
		}
		another := last != nil && last.SameBlock(g) // key of the same block
		last = g
		roots, err := stack.Roots(at.tree, g.Stack.Tool.Reads(), g.Matches)
		switch {
		case another && (err != nil || len(roots) == 0):
			continue
		case err != nil:
			s.fail("stacks "+g.Glob, "", "%v", err)
			continue
		case len(roots) == 0:
			s.warn("stacks "+g.Glob, "directories with terraform files: "+rootsOf(at.tree, g.Stack.Tool), "no directory matches%s", nearest(at.tree, g))
			continue
		}
		if !another {
			patterns = append(patterns, g.Glob)
		}
		for _, dir := range roots {
			if matching[dir] == "" {
				matching[dir] = g.Glob
			}
			e.Matches = append(e.Matches, globs.Match{Glob: g, Dir: dir})
		}
	}
	found, faults := globs.Expand(cfg, e)
	made := map[string]int{}
	for _, st := range found {
		made[matching[st.Dir]]++
	}
	for _, pattern := range patterns {
		s.ok("stacks "+pattern, "%s", words.CountOf(made[pattern], "stack", "stacks"))
	}
	for _, f := range faults {
		s.fail("stacks", f.UserHint(), "%v", f)
	}
	return found
}

// nearest is where in the repository something is that may have been meant by a glob that matches nothing.
func nearest(tree stack.Tree, g *config.StackGlob) string {
	dir, _, err := stack.Nearest(tree, g.Glob, nil)
	if err != nil || dir == "." {
		return ""
	}
	return "; there is " + dir
}

// rootsOf lists where stacks could be.
func rootsOf(tree stack.Tree, tool config.Tool) string {
	roots, err := stack.Roots(tree, tool.Reads(), func(string) bool { return true })
	if err != nil || len(roots) == 0 {
		return "none"
	}
	return words.List(roots, maxNamed)
}

// checkFiles looks at what a commit holds of a stack, for the terraform that it will run, as far as that was found.
func checkFiles(s *section, dataDir string, st *config.Stack, tree stack.Tree, have found) {
	def := stack.DefinitionOf(st)
	if have.tool != nil && have.tool.OwnFiles() {
		def.Engine = config.EngineTofu
	}
	info, err := stack.Inspect(tree, def)
	if errors.Is(err, stack.ErrNoDir) {
		s.fail("directory", "correct dir, or push the directory; there are: "+rootsOf(tree, st.Tool), "%s holds no terraform files on the branch", st.Dir)
		return
	}
	if err != nil {
		s.fail("directory", "", "%v", err)
		return
	}
	s.ok("directory", "%s is on the branch", st.Dir)
	files, err := stack.Footprint(tree, def)
	if err == nil {
		err = files.Fault()
	}
	if err != nil {
		s.fail("files", hint.Of(err), "%v", err)
	}
	for _, u := range files.Unknown[:min(len(files.Unknown), maxNamed)] {
		s.warn("reads", "", "%s", u)
	}
	varFiles(s, st, tree)
	requiredVersion(s, info.RequiredVersion, have.version)
	whereState(s, dataDir, st.Name, info)
	if !info.LockFile {
		s.warn("lock file", "run terraform init there and commit the file; a stack of built-in resources alone needs none",
			".terraform.lock.hcl is not committed, so provider versions can change between plans")
	}
	for _, source := range info.ModuleSources {
		if fromGit(source) && !hasGit() {
			s.fail("modules", "install git for this machine", "module source %s needs the git program, and it is not on PATH", source)
			break
		}
	}
}

// varFiles looks for the var files, which are relative to where the stack's directory really lies.
func varFiles(s *section, st *config.Stack, tree stack.Tree) {
	dir, _, err := tree.Resolve(st.Dir)
	if err != nil {
		return // told with the directory
	}
	for _, file := range st.VarFiles {
		at := path.Join(dir, file)
		_, err := tree.ReadFile(at)
		var wrong *repo.FileError
		switch {
		case err == nil, errors.As(err, &wrong) && wrong.Link != "": // told with the files
		case errors.Is(err, fs.ErrNotExist):
			s.fail("var file", "commit it, or correct var_files: they are relative to dir", "%s is not on the branch", at)
		default:
			s.fail("var file", "", "%v", err)
		}
	}
}

// requiredVersion compares terraform with what the configuration wants.
func requiredVersion(s *section, required []string, have string) {
	v, err := version.NewVersion(have)
	if have == "" || err != nil || len(required) == 0 {
		return
	}
	for _, want := range required {
		c, err := version.NewConstraint(want)
		if err != nil {
			s.fail("required_version", "correct it in the repository", "%q: %v", want, err)
			return
		}
		if !c.Check(v) {
			s.fail("required_version", "set terraform { version } in sallyport's configuration, in the stack for it alone, to one that satisfies it",
				"the stack wants terraform %s, and there is %s", want, have)
			return
		}
	}
	s.ok("required_version", "%s is satisfied by %s", strings.Join(required, ", "), have)
}

// whereState tells where the state is.
func whereState(s *section, dataDir, name string, info stack.Info) {
	switch {
	case info.Cloud || info.Backend == "remote":
		s.fail("state", "use another backend, or none: then the agent keeps the state",
			"cloud blocks and the remote backend do not work: their plan files are not whole plans")
	case info.Backend == "" || info.Backend == "local" && info.BackendPathRelative:
		s.ok("state", "the agent keeps it in %s", datadir.State(dataDir, name))
	case info.Backend == "local":
		s.ok("state", "in a file of its own, by an absolute path")
	default:
		s.ok("state", "in the %s backend", info.Backend)
	}
}

// fromGit reports whether terraform runs git for a module source.
func fromGit(source string) bool {
	return strings.HasPrefix(source, "git::") || strings.HasPrefix(source, "git@") ||
		strings.HasPrefix(source, "github.com/") || strings.HasPrefix(source, "bitbucket.org/")
}
