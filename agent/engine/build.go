package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine/hook"
	"sallyport/agent/hint"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/ending"
	"sallyport/agent/packer"
	"sallyport/agent/phrase"
	"sallyport/agent/repo"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/stack"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// packerEngine is the engine of images. A build is what an apply is to a stack: a builder counts as a resource to create,
// and what it leaves when nobody saw its end is as much in the world as half an apply.
type packerEngine struct{ *Engines }

// Plan finds out what a build would build: packer looks at the template, and nothing is started.
func (e packerEngine) Plan(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (result *ledger.PlanResult, err error) {
	tool, err := conf.Packer.Get(ctx)
	e.faults.Set("packer", err)
	if err != nil {
		return nil, err
	}
	dir, err := e.freshRunDir(run.ID)
	if err != nil {
		return nil, err
	}
	preview := run.Kind == store.KindPullRequest
	if preview {
		if err := e.bringHead(ctx, conf, run); err != nil {
			return nil, err
		}
	}
	files, err := materialise(ctx, conf, s, run.Commit, filepath.Join(dir, rundir.SourceDir))
	if err != nil {
		return nil, err
	}
	at, err := realDir(conf, s, run.Commit)
	if err != nil {
		return nil, err
	}
	said, err := e.Hook(ctx, conf, s, run, hook.BeforePlan)
	if err != nil {
		return nil, err
	}
	phase, err := e.Begin(ctx, conf, asuser.Work{Name: fmt.Sprintf("the plan of #%d", run.ID), Alone: preview}, s, false, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, phase.End()) }()
	home, err := buildHome(conf, dir, phase.User())
	if err != nil {
		return nil, err
	}
	o := packer.PlanOptions{
		Tool: tool, Image: s.Name, Source: filepath.Join(dir, rundir.SourceDir), OutDir: filepath.Join(dir, rundir.PlanDir), Dir: at,
		Template: s.Template, VarFiles: s.VarFiles, Vars: s.Vars, Belongs: files.Touches, Env: s.Env, Home: home,
		User: phase.User(), Timeout: s.PlanTimeout, Redact: e.health.Redact,
	}
	var missing []string
	if preview {
		missing = withholdFromImage(&o, s, conf.Cfg.Repository(s.Repository))
	}
	made, err := packer.Plan(ctx, o)
	if err != nil && len(missing) > 0 {
		err = lacking(err, missing, conf.Cfg.Repository(s.Repository))
	}
	if err != nil {
		return nil, err
	}
	if err := phase.settle(); err != nil {
		return nil, err
	}
	changed, err := e.changed(ctx, conf, run, files)
	if err != nil {
		return nil, err
	}
	result = &ledger.PlanResult{Plan: store.Plan{
		Digest: made.Digest, Add: len(made.Builds), Changes: []store.Change{}, Outputs: []store.Output{},
		Version: tool.Version, Binary: tool.Path, BinaryDigest: tool.Digest,
	}}
	for _, name := range made.Builds {
		result.Plan.Changes = append(result.Plan.Changes, store.Change{Address: e.health.Redact(name), Actions: []string{"create"}, Class: store.ClassConfig})
	}
	result.Text = buildText(s, tool, made, changed)
	result.Notes = []string{redact.CleanLine(changed)}
	if len(missing) > 0 {
		result.Warnings = append(result.Warnings, withheld(missing, conf.Cfg.Repository(s.Repository)))
	}
	result.Said, err = e.hookAfterPlan(ctx, conf, run, s, &result.Plan, said)
	return result, err
}

// buildHome is packer's home. Another user than the agent's gets one for each run: what one build leaves there must not be
// another's configuration.
func buildHome(conf *active.Config, dir string, user *asuser.User) (string, error) {
	if user == nil {
		return datadir.Home(conf.Cfg.DataDir), nil
	}
	home := filepath.Join(dir, rundir.HomeDir)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fmt.Errorf("making packer's home: %w", err)
	}
	return home, user.Own(home)
}

// changed says which files of an image are other ones: than its last build had or, of a pull request, than where that left the branch.
func (e packerEngine) changed(ctx context.Context, conf *active.Config, run *store.Run, files stack.Files) (string, error) {
	if run.Kind != store.KindPullRequest {
		return e.changedFiles(ctx, conf, run, files)
	}
	git := conf.Repos[run.Repository]
	base, err := git.MergeBase(ctx, e.ledger.HeadOf(run.Repository), run.Commit)
	if err != nil {
		return "", err
	}
	paths, err := git.Changed(ctx, base, run.Commit)
	if err != nil {
		return "", err
	}
	own := e.own(paths, files)
	return words.CountOf(len(own), "file differs", "files differ") + words.Labelled(": ", own, maxDiffering), nil
}

// maxDiffering is how many files of a pull request's image are named.
const maxDiffering = 20

// own are the files of an image among some.
func (e packerEngine) own(paths []string, files stack.Files) (own []string) {
	for _, p := range paths {
		if files.Touches(p) {
			own = append(own, e.health.Redact(p))
		}
	}
	return own
}

// changedFiles says which files of an image changed since its last build.
func (e packerEngine) changedFiles(ctx context.Context, conf *active.Config, run *store.Run, files stack.Files) (string, error) {
	var st *store.StackState
	if err := e.store.View(func(tx *store.Tx) (err error) {
		st, err = tx.Stack(run.Stack)
		return err
	}); err != nil {
		return "", err
	}
	if st.AppliedCommit == "" {
		return "It was never built here.", nil
	}
	last := fmt.Sprintf("its last build (#%d, %s)", st.AppliedRun, words.Short(st.AppliedCommit))
	if st.AppliedCommit == run.Commit {
		return "Nothing of it changed since " + last + ".", nil
	}
	paths, err := conf.Repos[run.Repository].Changed(ctx, st.AppliedCommit, run.Commit)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return "The commit of " + last + " is gone: nobody can tell what changed.", nil
	}
	if err != nil {
		return "", err
	}
	own := e.own(paths, files)
	if len(own) == 0 {
		return "Nothing of it changed since " + last + ".", nil
	}
	return fmt.Sprintf("Changed since %s:\n  %s", last, strings.Join(own, "\n  ")), nil
}

// buildText is the plan of a build for people.
func buildText(s *config.Stack, tool packer.Tool, made *packer.PlanResult, changed string) string {
	text := fmt.Sprintf("Packer %s will build the image %s from %s:\n\n", tool.Version, s.Name, path.Join(s.Dir, s.Template))
	for _, name := range made.Builds {
		text += "  + " + name + "\n"
	}
	text += "\n" + changed + "\n\n"
	text += fmt.Sprintf("%s and the variables are bound to the approval.\n\nPacker says of the template:\n\n%s", words.Count(len(made.Recipe.Files), "file"), made.Text)
	return text
}

// Job is everything that the runner needs to build what was approved.
func (e packerEngine) Job(conf *active.Config, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error) {
	dir := datadir.Run(conf.Cfg.DataDir, run.ID)
	recipe := filepath.Join(dir, rundir.PlanDir, packer.RecipeFile)
	if _, err := os.Stat(recipe); err != nil {
		return runner.Job{}, hint.Refuse("sallyport plan "+run.Stack, "what was approved is gone from the run's directory: %v", err)
	}
	home, err := buildHome(conf, dir, user)
	if err != nil {
		return runner.Job{}, err
	}
	return runner.Job{
		Run: run.ID, Stack: run.Stack, Engine: runner.EnginePacker, Digest: run.Plan.Digest,
		Terraform: run.Plan.Binary, TerraformDigest: run.Plan.BinaryDigest, TerraformFile: conf.Packer.File(run.Plan),
		Dir: filepath.Join(dir, rundir.SourceDir), PlanFile: recipe, Env: packer.Environment(home, "", s.Env), User: user,
	}, nil
}

// KeepState has nothing to keep: a build destroys nothing.
func (e packerEngine) KeepState(string, *store.Run) error { return nil }

// Seen is what was seen of a build that lives no more, and what it made.
func (e packerEngine) Seen(run *store.Run, state runner.State, p jsonlog.Progress) ending.Facts {
	f := e.seen(run, state, p)
	artifacts, err := runner.Artifacts(datadir.Run(e.active.Cfg().DataDir, run.ID))
	if err != nil {
		e.log.Error("reading what a build has made", "run", run.ID, "stack", run.Stack, "err", err)
	}
	for _, a := range artifacts {
		f.Artifacts = append(f.Artifacts, store.Artifact{Builder: e.health.Redact(a.Builder), ID: e.health.Redact(a.ID), Region: a.Region})
	}
	if f.Speechless() {
		f.LastWords = e.lastWords(run.ID)
	}
	return f
}

// Verdict says how a build ended, and what it made.
func (e packerEngine) Verdict(f ending.Facts) ending.Ending {
	return ending.OfBuild(f, phrase.ArtifactNames(f.Artifacts), packer.Cause(f.Errors))
}

// RecordLeftovers notes that an interrupted build may have left something behind: the next plan of the image tells people so.
func (e packerEngine) RecordLeftovers(tx *store.Tx, f ending.Facts, to store.Status) error {
	if to != store.Interrupted || len(f.Open) == 0 {
		return nil
	}
	st, err := tx.Stack(f.Run.Stack)
	if err != nil {
		return err
	}
	st.Unfinished = f.Run.ID
	return tx.PutStack(st)
}
