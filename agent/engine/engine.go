// Package engine is terraform and packer at work in a run's directory: the checkout, the plan, the hooks around it, the job
// that the detached runner carries out, the verdict on how it ended. It decides nothing, and knows of the store only how to
// read what a plan needs. Hooks are run by package hook below it. Each phase of a run is done by a user of its own where terraform.user says so.
package engine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/asuser"
	"sallyport/agent/bell"
	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/engine/hook"
	"sallyport/agent/health"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/ending"
	"sallyport/agent/runner"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/workers"
	"sallyport/store"
)

// Engines are terraform and packer at work in a run's directory.
type Engines struct {
	*hook.Runner

	bell   *bell.Bell
	health *health.Health
	active *active.Active
	ledger *ledger.Ledger
	cache  *cache.Cache
	faults *health.Faults
	log    *slog.Logger
	now    func() time.Time
	tf     Terraform
	store  *store.Store
	states holds // of stacks, in the directory of terraform.user's
}

// Options are what engines works with.
type Options struct {
	Bell   *bell.Bell
	Health *health.Health
	Active *active.Active
	Ledger *ledger.Ledger
	Cache  *cache.Cache
	Faults *health.Faults
	Log    *slog.Logger
	Now    func() time.Time
	// Terraform is what is at work. Default: that of package terraform.
	Terraform Terraform
	Store     *store.Store
}

// New makes terraform and packer.
func New(o Options) *Engines {
	if o.Terraform == nil {
		o.Terraform = processes{}
	}
	return &Engines{
		Runner: hook.New(hook.Options{Redact: o.Health.Redact, Log: o.Log}),

		bell: o.Bell, health: o.Health, active: o.Active, ledger: o.Ledger, cache: o.Cache, faults: o.Faults,
		log: o.Log, now: o.Now, tf: o.Terraform, store: o.Store,
	}
}

// terraformEngine is the engine of root modules: its methods are those of [Engines].
type terraformEngine struct{ *Engines }

// EngineOf is the engine of a stack or of a run, by the name that it has there. A run of before there were several has none.
func (e *Engines) EngineOf(name string) engine {
	if name == config.EnginePacker {
		return packerEngine{e}
	}
	return terraformEngine{e}
}

// WorkOn is what a worker does for a run of an engine.
func WorkOn(engine, what string) string {
	if engine == config.EnginePacker {
		return workers.WorkBuild
	}
	return what
}

// Lent are the secrets that terraform gets for a repair. An init and a backend run programs that files of the repository name.
type Lent int

const (
	LentForPlan  Lent = iota // nobody has approved the commit
	LentForApply             // what mends a state needs what may write it
)

// LendsMoreToApplies reports whether applies of a stack get what its plans do not.
func LendsMoreToApplies(s *config.Stack) bool {
	return len(s.ApplyEnv) > 0 || s.AWS != nil && s.AWS.RoleARN != s.AWS.PlanRole()
}

// Lend gives terraform the secrets of a phase.
func (l Lent) Lend(s *config.Stack, o *terraform.PlanOptions) {
	o.PlanEnv, o.AWS = s.ApplyEnv, active.AwsApply(s, "repair")
	if l == LentForPlan {
		o.PlanEnv, o.AWS = s.PlanEnv, active.AwsPlan(s, "repair")
	}
}

// PlanText is the plan in terraform's words: from the store, or a file if it was too long for that.
func (e *Engines) PlanText(run int) (string, error) {
	var text string
	err := e.store.View(func(tx *store.Tx) (err error) {
		text, err = tx.PlanText(run)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return text, err
	}
	open, ended := datadir.PlanText(e.active.Cfg().DataDir, run)
	for _, file := range []string{ended, open} {
		if data, err := os.ReadFile(file); err == nil {
			return string(data), nil
		}
	}
	return "", err
}

// bringHead fetches the head of a pull request again if the mirror was made anew since.
func (e *Engines) bringHead(ctx context.Context, conf *active.Config, run *store.Run) error {
	git := conf.Repos[run.Repository]
	if git == nil || git.Has(run.Commit) {
		return nil
	}
	return git.FetchPull(ctx, run.PullRequest, run.Commit)
}

// An engine plans and applies one kind of stack: Terraform's root modules, Packer's templates. The life of a run is the same
// for all of them; the loop knows of an engine only what stands here.
type engine interface {
	// Plan finds out, in a new directory of the run's own, what its apply would do.
	Plan(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (*ledger.PlanResult, error)
	// Job is all that the detached runner needs to do exactly what was planned, and nothing else.
	Job(conf *active.Config, run *store.Run, s *config.Stack, user *asuser.User) (runner.Job, error)
	// KeepState keeps what an apply may destroy, before it begins.
	KeepState(dataDir string, run *store.Run) error
	// Seen is what was seen of an apply that lives no more, with what its files say.
	Seen(run *store.Run, state runner.State, p jsonlog.Progress) ending.Facts
	// Verdict says how an apply ended. It changes nothing.
	Verdict(ending.Facts) ending.Ending
	// RecordLeftovers notes, in the transaction that ends an apply, what it leaves behind.
	RecordLeftovers(tx *store.Tx, f ending.Facts, to store.Status) error
}
