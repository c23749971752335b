package agent

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/notify/slack"
	"sallyport/store"
)

// world is one configuration in force with what was made of it. A reload makes a new one and swaps it in whole, so
// that nobody ever sees half of two configurations.
type world struct {
	cfg    *config.Config
	repos  map[string]*repo.Repository
	sites  map[string]forgeSite // that host repositories, by repository; none without a github block
	slack  *slack.Client        // nil without a slack block
	desk   *desk                // what is known of the Slack workspace; nil without a slack block
	tools  *tools
	packer *packerTool
	pool   *asuser.Pool // whom terraform runs as; nil: the agent's own user

	mu    sync.Mutex
	globs map[string][]*config.Stack     // stacks found by globs, by repository; see found
	heads map[string]string              // the commit that globs were looked up at, by repository
	wrong map[string][]*config.GlobFault // what is wrong with the stacks of globs there
	again map[string]bool                // repositories whose globs are looked up anew: names that others had may be free
}

// newWorld opens what a configuration names. Repositories that did not change are taken over from old, with their
// kept connections.
func (a *active) newWorld(cfg *config.Config, old *world) (*world, error) {
	w := &world{
		cfg: cfg, repos: map[string]*repo.Repository{}, sites: map[string]forgeSite{}, tools: newTools(cfg.DataDir, a.log), packer: &packerTool{binary: cfg.Packer.Binary, temp: datadir.Scratch(cfg.DataDir)},
		globs: map[string][]*config.Stack{}, heads: map[string]string{}, wrong: map[string][]*config.GlobFault{}, again: map[string]bool{},
	}
	var err error
	if w.pool, err = a.terraformUsers(cfg, old); err != nil {
		return nil, err
	}
	w.tools.user = w.pool.Anyone()
	for _, r := range cfg.Repositories {
		if old != nil {
			if before := old.cfg.Repository(r.Name); before != nil && before.Same(r) && old.cfg.DataDir == cfg.DataDir {
				w.repos[r.Name] = old.repos[r.Name]
				if site := old.sites[r.Name]; site != nil {
					w.sites[r.Name] = site
				}
				continue
			}
		}
		if err := a.openRepository(w, r); err != nil {
			w.closeExcept(old)
			return nil, err
		}
	}
	if cfg.Slack == nil {
		return w, nil
	}
	if old != nil && old.cfg.Slack != nil && sameSlack(old.cfg.Slack, cfg.Slack) {
		w.slack, w.desk = old.slack, old.desk
		return w, nil
	}
	client, err := slack.New(slack.Options{Token: cfg.Slack.Token, APIURL: cfg.Slack.APIURL, Log: a.log})
	if err != nil {
		w.closeExcept(old)
		return nil, fmt.Errorf("preparing slack: %w", err)
	}
	w.slack, w.desk = client, newDesk(a, client)
	return w, nil
}

// openRepository makes the mirror of a repository and the client of the site that hosts it.
func (a *active) openRepository(w *world, r *config.Repository) error {
	site, err := a.newSite(r)
	if err != nil {
		return err
	}
	if site != nil {
		w.sites[r.Name] = site
	}
	opened, err := repo.Open(repo.Options{
		Name: r.Name, URL: r.URL, Branch: r.Branch,
		Dir:        datadir.Mirror(w.cfg.DataDir, r.Name),
		SSHKeyFile: r.SSHKeyFile, SSHPassphrase: r.SSHPassphrase, KnownHostsFile: r.KnownHostsFile,
		Username: r.Username, Token: r.Token, CAFile: r.CAFile, Password: a.sitePassword(r, site), MaxObjectSize: r.MaxObjectSize, Log: a.log,
	})
	if err != nil {
		return fmt.Errorf("opening repository %s: %w", r.Name, err)
	}
	w.repos[r.Name] = opened
	return nil
}

func sameSlack(a, b *config.Slack) bool {
	return a.Token == b.Token && a.APIURL == b.APIURL
}

// closeExcept closes the repositories that other does not use.
func (w *world) closeExcept(other *world) {
	for name, r := range w.repos {
		if other != nil && other.repos[name] == r {
			continue
		}
		_ = r.Close() // an idle connection that does not close cleanly harms nobody
	}
	for name, site := range w.sites {
		if other == nil || other.sites[name] != site {
			site.Close()
		}
	}
}

func (w *world) close() { w.closeExcept(nil) }

// stacks are the stacks of a repository at the commit that was last looked at, those of globs included, by name.
func (w *world) stacks(repository string) []*config.Stack {
	var out []*config.Stack
	for _, s := range w.cfg.Stacks {
		if s.Repository == repository {
			out = append(out, s)
		}
	}
	w.mu.Lock()
	out = append(out, w.globs[repository]...)
	w.mu.Unlock()
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// allStacks are the stacks of every repository, by name.
func (w *world) allStacks() []*config.Stack {
	var out []*config.Stack
	for _, r := range w.cfg.Repositories {
		out = append(out, w.stacks(r.Name)...)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// stack finds a stack by name; nil if there is none.
func (w *world) stack(name string) *config.Stack {
	for _, r := range w.cfg.Repositories {
		for _, s := range w.stacks(r.Name) {
			if s.Name == name {
				return s
			}
		}
	}
	return nil
}

// globsKnown reports whether the globs of a repository were looked up at least once, so that an unknown stack really
// is gone and not just not found yet.
func (w *world) globsKnown(repository string) bool {
	needed := false
	for _, g := range w.cfg.StackGlobs {
		needed = needed || g.Stack.Repository == repository
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return !needed || w.heads[repository] != ""
}

// globFault is what is wrong with the stacks that globs found in a repository, of one kind; nil if nothing is.
func (w *world) globFault(repository, kind string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.wrong[repository] {
		if f.Kind == kind {
			return f
		}
	}
	return nil
}

// looked reports whether the globs of a repository were looked up at a commit.
func (w *world) looked(repository, commit string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.heads[repository] == commit && !w.again[repository]
}

// find looks up the globs of a repository at a commit. Directories that left the branch stay stacks while a state of
// them is known, so that what it holds is not forgotten silently.
func (w *world) find(repository, commit string, tree stack.Tree, known []*store.StackState) error {
	e := config.Expansion{Repository: repository, Before: map[string]config.Owner{}, Elsewhere: w.elsewhere(repository, known)}
	for _, st := range known {
		e.Before[st.Name] = config.Owner{Repository: st.Repository, Dir: st.Dir}
	}
	for _, g := range w.cfg.StackGlobs {
		if g.Stack.Repository != repository {
			continue
		}
		roots, err := stack.Roots(tree, g.Glob)
		if err != nil {
			return fmt.Errorf("looking for stacks %q: %w", g.Glob, err)
		}
		for _, dir := range append(roots, departed(g, roots, known)...) {
			e.Matches = append(e.Matches, config.Match{Glob: g, Dir: dir})
		}
	}
	found, faults := w.cfg.Expand(e)
	w.take(repository, commit, found)
	if f := config.CircleFault(w.stacks(repository)); f != nil {
		faults = append(faults, f)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong[repository] = faults
	return nil
}

// take puts the stacks that were found in the place of those before. Where others wait for names, they look again.
func (w *world) take(repository, commit string, found []*config.Stack) {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := w.heads[repository] == ""
	same := slices.EqualFunc(w.globs[repository], found, func(a, b *config.Stack) bool { return a.Name == b.Name })
	for other, faults := range w.wrong {
		if other != repository && len(faults) > 0 && (first || !same) {
			w.again[other] = true
		}
	}
	delete(w.again, repository)
	w.globs[repository], w.heads[repository] = found, commit
}

// elsewhere are the names of stacks that globs make of other repositories, with their directories: those that were found, and
// after a start those that had stacks and were not looked at yet.
func (w *world) elsewhere(repository string, known []*store.StackState) map[string]config.Owner {
	out := map[string]config.Owner{}
	w.mu.Lock()
	defer w.mu.Unlock()
	for other, stacks := range w.globs {
		for _, s := range stacks {
			if other != repository {
				out[s.Name] = config.Owner{Repository: other, Dir: s.Dir}
			}
		}
	}
	for _, st := range known {
		for _, g := range w.cfg.StackGlobs {
			if g.Stack.Repository == st.Repository && st.Repository != repository && w.heads[st.Repository] == "" && doublestar.MatchUnvalidated(g.Glob, st.Dir) {
				out[st.Name] = config.Owner{Repository: st.Repository, Dir: st.Dir}
			}
		}
	}
	return out
}

// departed are the directories of a glob's stacks that were applied once and are roots no more.
func departed(g *config.StackGlob, roots []string, known []*store.StackState) []string {
	var out []string
	for _, st := range known {
		match, err := doublestar.Match(g.Glob, st.Dir)
		if err == nil && match && st.Repository == g.Stack.Repository && st.AppliedCommit != "" && !slices.Contains(roots, st.Dir) {
			out = append(out, st.Dir)
		}
	}
	return out
}
