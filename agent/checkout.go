package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/fault"
	"sallyport/agent/foreign"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/stack"
	"sallyport/agent/terraform"
	"sallyport/store/disk"
)

// definition says where a stack's files are.
func definition(s *config.Stack) stack.Definition {
	return stack.Definition{Dir: s.Dir, VarFiles: s.VarFiles, Watch: s.Watch, Template: s.Template}
}

// materialise writes a commit's files into a new directory and says which of them are the stack's.
func materialise(ctx context.Context, w *world, s *config.Stack, commit, source string) (stack.Files, error) {
	git := w.repos[s.Repository]
	tree, err := git.Tree(commit)
	if err != nil {
		return stack.Files{}, fmt.Errorf("reading %s: %w", short(commit), err)
	}
	files, err := stack.Footprint(tree, definition(s))
	if err != nil {
		return files, fmt.Errorf("at commit %s: %w", short(commit), err)
	}
	if err := files.Fault(); err != nil {
		return files, err
	}
	err = git.Materialise(ctx, commit, source, repo.MaterialiseOptions{Roots: files.Dirs, Belongs: files.Touches})
	var wrong *repo.FileError
	if errors.As(err, &wrong) {
		return files, hint.Refuse(hint.Of(err), "%s", wrong)
	}
	if err != nil {
		return files, fmt.Errorf("checking out %s: %w", short(commit), err)
	}
	fault.Point("commit checked out")
	return files, nil
}

// realDir is where a stack's directory, which can be a symlink, really lies in a commit, relative to the repository's root.
// There its tool works: what is left there is never looked for through a symlink.
func realDir(w *world, s *config.Stack, commit string) (string, error) {
	tree, err := w.repos[s.Repository].Tree(commit)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", short(commit), err)
	}
	at, _, err := tree.Resolve(s.Dir)
	if err != nil {
		return "", fmt.Errorf("at commit %s: %w", short(commit), err)
	}
	return at, nil
}

// checkout writes a commit's files into a directory and says how terraform works on them there.
func (a *engines) checkout(ctx context.Context, w *world, s *config.Stack, commit, dir string, user *asuser.User) (terraform.PlanOptions, error) {
	var none terraform.PlanOptions
	source := filepath.Join(dir, sourceDir)
	if _, err := materialise(ctx, w, s, commit, source); err != nil {
		return none, err
	}
	work, err := realDir(w, s, commit)
	if err != nil {
		return none, err
	}
	state, err := a.stateDir(s)
	if owner, lookErr := asuser.Owner(state); err == nil && user == nil && lookErr == nil && owner != os.Geteuid() {
		err = asuser.Reclaim(state) // of a terraform.user that is not configured any more
	}
	if err != nil {
		return none, err
	}
	home := datadir.Home(w.cfg.DataDir)
	if user != nil {
		home = filepath.Join(dir, homeDir) // of its own: what one plan leaves there must not be another's configuration
	}
	return terraform.PlanOptions{
		Source: source, WorkDir: filepath.Join(source, filepath.FromSlash(work)),
		DataDir: filepath.Join(dir, dataDir), OutDir: filepath.Join(dir, planDir), Commit: commit,
		Stack: s.Name, Workspace: s.Workspace, VarFiles: s.VarFiles, Vars: s.Vars, BackendConfig: s.BackendConfig, Env: s.Env,
		LockTimeout: s.LockTimeout, StateDir: state,
		CLIConfigFile: w.cfg.Terraform.CLIConfigFile, Mirror: w.cfg.Terraform.ProviderMirror, Cache: a.cache, GitAccess: a.gitAccess(ctx, w, s.Repository),
		Protect: s.Protect, Replaceable: s.Replaceable, Home: home, User: user, Keep: true, Redact: a.redact,
	}, nil
}

// freshRunDir makes an empty directory for a run. A directory in which an apply was claimed is never wiped.
func (a *engines) freshRunDir(run int) (string, error) {
	dir := datadir.Run(a.cfg().DataDir, run)
	if claimed(dir) {
		return "", fmt.Errorf("run #%d has started an apply; its directory %s is not planned in again", run, dir)
	}
	return dir, a.emptyDir(dir)
}

// emptyDir makes a directory to plan in.
func (a *engines) emptyDir(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clearing the run's directory: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, planDir), filepath.Join(dir, dataDir), datadir.Home(a.cfg().DataDir)} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("making the run's directory: %w", err)
		}
	}
	return nil
}

// stateOwner is written beside a state that the agent keeps, so that a renamed or moved stack never picks up the
// state of another one.
type stateOwner struct {
	Repository string `json:"repository"`
	Dir        string `json:"dir"`
	Workspace  string `json:"workspace"`
}

// maxOwner bounds the note, in bytes.
const maxOwner = 64 << 10

// stateDir is where the agent would keep this stack's state; who owns it is checked if there is a state.
func (a *engines) stateDir(s *config.Stack) (string, error) {
	dir := datadir.State(a.cfg().DataDir, s.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the state's directory: %w", err)
	}
	want := stateOwner{s.Repository, s.Dir, s.Workspace}
	file := filepath.Join(dir, "owner.json")
	data, err := foreign.ReadFile(file, maxOwner)
	if errors.Is(err, os.ErrNotExist) {
		data, err = json.Marshal(want)
		if err != nil {
			return "", err
		}
		if err := disk.WriteFile(file, data); err != nil {
			return "", fmt.Errorf("writing down whose state this is: %w", err)
		}
		return dir, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading whose state this is: %w", err)
	}
	var have stateOwner
	if err := json.Unmarshal(data, &have); err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	if have != want && hasState(dir) {
		return "", hint.Refuse(fmt.Sprintf("if the stack really moved, correct %s; otherwise give the stack another name", file),
			"the state kept for %s belongs to repository %s, directory %s, workspace %s, and the stack is now repository %s, directory %s, workspace %s",
			s.Name, have.Repository, have.Dir, have.Workspace, want.Repository, want.Dir, want.Workspace)
	}
	if have != want {
		if err := os.Remove(file); err != nil {
			return "", err
		}
		return a.stateDir(s)
	}
	return dir, nil
}

// hasState reports whether anything but the owner's note lies in a state directory.
func hasState(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) > 1
}
