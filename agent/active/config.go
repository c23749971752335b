package active

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/config/globs"
	"sallyport/agent/datadir"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/slack"
	"sallyport/store"
)

// Config is one configuration in force with what was made of it. A reload makes a new one and swaps it in whole, so
// that nobody ever sees half of two configurations.
type Config struct {
	Cfg       *config.Config
	Repos     map[string]Mirror
	Sites     map[string]ForgeSite // that host repositories, by repository; none without the block of a site
	Slack     *slack.Client        // nil without a slack block
	Directory *slackDirectory      // what is known of the Slack workspace; nil without a slack block
	Tools     *tools
	Packer    *packerTool
	Pool      *asuser.Pool // whom terraform runs as; nil: the agent's own user

	mu    sync.Mutex
	Globs map[string][]*config.Stack // stacks found by globs, by repository; see [Config.Find]
	Heads map[string]string          // the commit that globs were looked up at, by repository
	Wrong map[string][]*globs.Fault  // what is wrong with the stacks of globs there
	Again map[string]bool            // repositories whose globs are looked up anew: names that others had may be free
	index *index                     // nil: it is made when somebody asks; see [Config.indexed]
}

// NewConfig opens what a configuration names. Repositories that did not change are taken over from old, with their
// kept connections.
func (a *Active) NewConfig(cfg *config.Config, old *Config) (*Config, error) {
	conf := &Config{
		Cfg: cfg, Repos: map[string]Mirror{}, Sites: map[string]ForgeSite{}, Tools: newTools(toolOptions{dataDir: cfg.DataDir, find: a.outside.Tool, log: a.log}), Packer: &packerTool{binary: cfg.Packer.Binary, temp: datadir.Scratch(cfg.DataDir)},
		Globs: map[string][]*config.Stack{}, Heads: map[string]string{}, Wrong: map[string][]*globs.Fault{}, Again: map[string]bool{},
	}
	var err error
	if conf.Pool, err = a.terraformUsers(cfg, old); err != nil {
		return nil, err
	}
	conf.Tools.user = conf.Pool.Anyone()
	for _, r := range cfg.Repositories {
		if old != nil {
			if before := old.Cfg.Repository(r.Name); before != nil && before.Same(r) && old.Cfg.DataDir == cfg.DataDir {
				conf.Repos[r.Name] = old.Repos[r.Name]
				if site := old.Sites[r.Name]; site != nil {
					conf.Sites[r.Name] = site
				}
				continue
			}
		}
		if err := a.openRepository(conf, r); err != nil {
			conf.CloseExcept(old)
			return nil, err
		}
	}
	if cfg.Slack == nil {
		return conf, nil
	}
	if old != nil && old.Cfg.Slack != nil && sameSlack(old.Cfg.Slack, cfg.Slack) {
		conf.Slack, conf.Directory = old.Slack, old.Directory
		return conf, nil
	}
	client, err := slack.New(slack.Options{Token: cfg.Slack.Token, AppToken: cfg.Slack.AppToken, APIURL: cfg.Slack.APIURL, HTTP: a.outside.Slack, Log: a.log, Names: a.Names()})
	if err != nil {
		conf.CloseExcept(old)
		return nil, fmt.Errorf("preparing slack: %w", err)
	}
	conf.Slack, conf.Directory = client, newSlackDirectory(a, client)
	return conf, conf.Directory.recall()
}

// openRepository makes the mirror of a repository and the client of the site that hosts it.
func (a *Active) openRepository(conf *Config, r *config.Repository) error {
	site, err := a.newSite(r)
	if err != nil {
		return err
	}
	if site != nil {
		conf.Sites[r.Name] = site
	}
	options := repo.Options{
		Name: r.Name, URL: r.URL, Branch: r.Branch,
		Dir:        datadir.Mirror(conf.Cfg.DataDir, r.Name),
		SSHKeyFile: r.SSHKeyFile, SSHPassphrase: r.SSHPassphrase, KnownHostsFile: r.KnownHostsFile,
		Username: r.Username, Token: r.Token, CAFile: r.CAFile, Password: a.sitePassword(r, site), MaxObjectSize: r.MaxObjectSize, Log: a.log,
	}
	if options.Password != nil {
		options.Username = site.GitUser()
	}
	if changes := conf.Changes(r.Name); changes != nil {
		options.PullRef = changes.HeadRef
	}
	opened, err := a.outside.Mirror(options)
	if err != nil {
		return fmt.Errorf("opening repository %s: %w", r.Name, err)
	}
	conf.Repos[r.Name] = opened
	return nil
}

func sameSlack(a, b *config.Slack) bool {
	return a.Token == b.Token && a.AppToken == b.AppToken && a.APIURL == b.APIURL
}

// CloseExcept closes the repositories that other does not use.
func (conf *Config) CloseExcept(other *Config) {
	for name, r := range conf.Repos {
		if other != nil && other.Repos[name] == r {
			continue
		}
		_ = r.Close() // an idle connection that does not close cleanly harms nobody
	}
	for name, site := range conf.Sites {
		if other == nil || other.Sites[name] != site {
			site.Close()
		}
	}
}

// Close lets go of every connection.
func (conf *Config) Close() { conf.CloseExcept(nil) }

// index is all stacks of a configuration as they are looked for. Every run is looked at whenever anything happens, so that it must not be
// made each time.
type index struct {
	of   map[string][]*config.Stack // by repository, each by name
	all  []*config.Stack            // by name
	name map[string]*config.Stack
}

// indexed is the index as of the last look at the globs. It is never changed once it is made.
func (conf *Config) indexed() *index {
	conf.mu.Lock()
	defer conf.mu.Unlock()
	if conf.index != nil {
		return conf.index
	}
	i := &index{of: map[string][]*config.Stack{}, name: map[string]*config.Stack{}}
	byName := func(a, b *config.Stack) int { return strings.Compare(a.Name, b.Name) }
	for _, r := range conf.Cfg.Repositories {
		var out []*config.Stack
		for _, s := range conf.Cfg.Stacks {
			if s.Repository == r.Name {
				out = append(out, s)
			}
		}
		out = append(out, conf.Globs[r.Name]...)
		slices.SortFunc(out, byName)
		i.of[r.Name] = out
		i.all = append(i.all, out...)
		for _, s := range out {
			if i.name[s.Name] == nil {
				i.name[s.Name] = s
			}
		}
	}
	slices.SortFunc(i.all, byName)
	conf.index = i
	return i
}

// Stacks are the stacks of a repository at the commit that was last looked at, those of globs included, by name.
func (conf *Config) Stacks(repository string) []*config.Stack {
	return slices.Clone(conf.indexed().of[repository])
}

// AllStacks are the stacks of every repository, by name.
func (conf *Config) AllStacks() []*config.Stack { return slices.Clone(conf.indexed().all) }

// Stack finds a stack by name; nil if there is none.
func (conf *Config) Stack(name string) *config.Stack { return conf.indexed().name[name] }

// GlobsKnown reports whether the globs of a repository were looked up at least once, so that an unknown stack really
// is gone and not just not found yet.
func (conf *Config) GlobsKnown(repository string) bool {
	needed := false
	for _, g := range conf.Cfg.StackGlobs {
		needed = needed || g.Stack.Repository == repository
	}
	conf.mu.Lock()
	defer conf.mu.Unlock()
	return !needed || conf.Heads[repository] != ""
}

// GlobFault is what is wrong with the stacks that globs found in a repository, of one kind; nil if nothing is.
func (conf *Config) GlobFault(repository, kind string) error {
	conf.mu.Lock()
	defer conf.mu.Unlock()
	for _, f := range conf.Wrong[repository] {
		if f.Kind == kind {
			return f
		}
	}
	return nil
}

// Looked reports whether the globs of a repository were looked up at a commit.
func (conf *Config) Looked(repository, commit string) bool {
	conf.mu.Lock()
	defer conf.mu.Unlock()
	return conf.Heads[repository] == commit && !conf.Again[repository]
}

// Find looks up the globs of a repository at a commit. Directories that left the branch stay stacks while a state of
// them is known, so that what it holds is not forgotten silently.
func (conf *Config) Find(repository, commit string, tree stack.Tree, known []*store.StackState) error {
	e := globs.Expansion{Repository: repository, Before: map[string]globs.Owner{}, Elsewhere: conf.elsewhere(repository, known)}
	for _, st := range known {
		e.Before[st.Name] = globs.Owner{Repository: st.Repository, Dir: st.Dir}
	}
	var empty *globs.Fault
	var last *config.StackGlob
	surveys := stack.NewSurveys(tree)
	for _, g := range conf.Cfg.StackGlobs {
		if g.Stack.Repository != repository {
			continue
		}
		all, err := surveys.Of(g.Stack.Tool.Reads())
		if err != nil {
			return fmt.Errorf("looking for stacks %q: %w", g.Glob, err)
		}
		roots := stack.RootsIn(all, g.Matches)
		dirs := append(roots, departed(g, roots, known)...)
		if len(dirs) == 0 && (last == nil || !last.SameBlock(g)) { // once for all keys of a block
			dir, near, err := stack.Nearest(tree, g.Glob, all)
			if err != nil {
				return fmt.Errorf("looking for stacks %q: %w", g.Glob, err)
			}
			empty = empty.NoMatch(g, globs.Near{Dir: dir, Roots: near})
		}
		last = g
		for _, dir := range dirs {
			e.Matches = append(e.Matches, globs.Match{Glob: g, Dir: dir})
		}
	}
	found, faults := globs.Expand(conf.Cfg, e)
	if empty != nil {
		faults = append(faults, empty)
	}
	conf.take(repository, commit, found)
	if f := globs.Circles(conf.Stacks(repository)); f != nil {
		faults = append(faults, f)
	}
	conf.mu.Lock()
	defer conf.mu.Unlock()
	conf.Wrong[repository] = faults
	return nil
}

// take puts the stacks that were found in the place of those before. Where others wait for names, they look again.
func (conf *Config) take(repository, commit string, found []*config.Stack) {
	conf.mu.Lock()
	defer conf.mu.Unlock()
	first := conf.Heads[repository] == ""
	same := slices.EqualFunc(conf.Globs[repository], found, func(a, b *config.Stack) bool { return a.Name == b.Name })
	for other, faults := range conf.Wrong {
		if other != repository && len(faults) > 0 && (first || !same) {
			conf.Again[other] = true
		}
	}
	delete(conf.Again, repository)
	conf.Globs[repository], conf.Heads[repository], conf.index = found, commit, nil
}

// elsewhere are the names of stacks that globs make of other repositories, with their directories: those that were found, and
// after a start those that had stacks and were not looked at yet.
func (conf *Config) elsewhere(repository string, known []*store.StackState) map[string]globs.Owner {
	out := map[string]globs.Owner{}
	conf.mu.Lock()
	defer conf.mu.Unlock()
	for other, stacks := range conf.Globs {
		for _, s := range stacks {
			if other != repository {
				out[s.Name] = globs.Owner{Repository: other, Dir: s.Dir}
			}
		}
	}
	for _, st := range known {
		for _, g := range conf.Cfg.StackGlobs {
			if g.Stack.Repository == st.Repository && st.Repository != repository && conf.Heads[st.Repository] == "" && g.Matches(st.Dir) {
				out[st.Name] = globs.Owner{Repository: st.Repository, Dir: st.Dir}
			}
		}
	}
	return out
}

// departed are the directories of a glob's stacks that were applied once and are roots no more.
func departed(g *config.StackGlob, roots []string, known []*store.StackState) []string {
	var out []string
	for _, st := range known {
		if !g.Matches(st.Dir) || st.Repository != g.Stack.Repository || st.AppliedCommit == "" || slices.Contains(roots, st.Dir) {
			continue
		}
		if s, err := g.StackFor(st.Dir); err == nil && s.Name != st.Name {
			continue // it was made by another block, or for another key
		}
		out = append(out, st.Dir)
	}
	return out
}
