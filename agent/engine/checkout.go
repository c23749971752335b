package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine/kept"
	"sallyport/agent/fault"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/rundir"
	"sallyport/agent/stack"
	"sallyport/agent/terraform"
	"sallyport/notify/words"
)

// materialise writes a commit's files into a new directory and says which of them are the stack's.
func materialise(ctx context.Context, conf *active.Config, s *config.Stack, commit, source string) (stack.Files, error) {
	git := conf.Repos[s.Repository]
	tree, err := git.Tree(commit)
	if err != nil {
		return stack.Files{}, fmt.Errorf("reading %s: %w", words.Short(commit), err)
	}
	files, err := stack.Footprint(tree, stack.DefinitionOf(s))
	if err != nil {
		return files, fmt.Errorf("at commit %s: %w", words.Short(commit), err)
	}
	if err := files.Fault(); err != nil {
		return files, err
	}
	err = git.Materialise(ctx, commit, source, repo.MaterialiseOptions{Roots: files.Dirs, Belongs: files.Holds})
	var wrong *repo.FileError
	if errors.As(err, &wrong) {
		return files, hint.Refuse(hint.Of(err), "%s", wrong)
	}
	if err != nil {
		return files, fmt.Errorf("checking out %s: %w", words.Short(commit), err)
	}
	fault.Point("commit checked out")
	return files, nil
}

// realDir is where a stack's directory, which can be a symlink, really lies in a commit, relative to the repository's root.
// There its tool works: what is left there is never looked for through a symlink.
func realDir(conf *active.Config, s *config.Stack, commit string) (string, error) {
	tree, err := conf.Repos[s.Repository].Tree(commit)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", words.Short(commit), err)
	}
	at, _, err := tree.Resolve(s.Dir)
	if err != nil {
		return "", fmt.Errorf("at commit %s: %w", words.Short(commit), err)
	}
	return at, nil
}

// checkout writes a commit's files into a directory and says how terraform works on them there.
func (e *Engines) checkout(ctx context.Context, conf *active.Config, s *config.Stack, commit, dir string, user *asuser.User) (terraform.PlanOptions, error) {
	var none terraform.PlanOptions
	source := filepath.Join(dir, rundir.SourceDir)
	if _, err := materialise(ctx, conf, s, commit, source); err != nil {
		return none, err
	}
	work, err := realDir(conf, s, commit)
	if err != nil {
		return none, err
	}
	state, err := kept.Dir(conf.Cfg.DataDir, s)
	if owner, lookErr := asuser.Owner(state); err == nil && user == nil && lookErr == nil && owner != os.Geteuid() {
		err = asuser.Reclaim(state) // of a terraform.user that is not configured any more
	}
	if err != nil {
		return none, err
	}
	home := datadir.Home(conf.Cfg.DataDir)
	if user != nil {
		home = filepath.Join(dir, rundir.HomeDir) // of its own: what one plan leaves there must not be another's configuration
	}
	return terraform.PlanOptions{
		Source: source, WorkDir: filepath.Join(source, filepath.FromSlash(work)),
		DataDir: filepath.Join(dir, rundir.DataDir), OutDir: filepath.Join(dir, rundir.PlanDir), Commit: commit,
		Stack: s.Name, Workspace: s.Workspace, VarFiles: s.VarFiles, Vars: s.Vars, BackendConfig: s.BackendConfig, Env: s.Env,
		LockTimeout: s.LockTimeout, StateDir: state, StateBefore: datadir.StateBefore(conf.Cfg.DataDir, s.Name),
		CLIConfigFile: conf.Cfg.Terraform.CLIConfigFile, Mirror: conf.Cfg.Terraform.ProviderMirror, Cache: e.cache, GitAccess: e.active.GitAccess(ctx, conf, s.Repository),
		Protect: s.Protect, Replaceable: s.Replaceable, Home: home, User: user, Keep: true, Redact: e.health.Redact, Silence: e.health.SilenceValues,
	}, nil
}

// freshRunDir makes an empty directory for a run. A directory in which an apply was claimed is never wiped.
func (e *Engines) freshRunDir(run int) (string, error) {
	dir := datadir.Run(e.active.Cfg().DataDir, run)
	if rundir.Claimed(dir) {
		return "", fmt.Errorf("run #%d has started an apply; its directory %s is not planned in again", run, dir)
	}
	return dir, e.emptyDir(dir)
}

// emptyDir makes a directory to plan in.
func (e *Engines) emptyDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the run's directory: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, rundir.PlanDir), filepath.Join(dir, rundir.DataDir), datadir.Home(e.active.Cfg().DataDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("making the run's directory: %w", err)
		}
	}
	return nil
}
