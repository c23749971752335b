// Package hooks runs the after_apply hooks that are owed to applies which have ended. What is owed lies in the store until the hook
// was seen to its end; one whose end nobody saw is told and not run a second time.
package hooks

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/engine"
	"sallyport/agent/engine/hook"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/workers"
	"sallyport/store"
)

// workHook is what a worker is at that runs hooks.
const workHook = "hook"

// Hooks runs the hooks that are owed to an apply that has ended, and remembers them until they have.
type Hooks struct {
	health  *health.Health
	journal *journal.Journal
	ledger  *ledger.Ledger
	engines *engine.Engines
	log     *slog.Logger
	now     func() time.Time
	store   *store.Store
	work    *workers.Pool
}

// Options are what hooks are run with.
type Options struct {
	Health  *health.Health
	Journal *journal.Journal
	Ledger  *ledger.Ledger
	Engines *engine.Engines
	Log     *slog.Logger
	Now     func() time.Time
	Store   *store.Store
	Work    *workers.Pool
}

// New makes what runs the hooks that are owed.
func New(o Options) *Hooks {
	return &Hooks{
		health: o.Health, journal: o.Journal, ledger: o.Ledger, engines: o.Engines, log: o.Log, now: o.Now, store: o.Store, work: o.Work,
	}
}

// afterKey keeps which after_apply hooks are still to run.
const afterKey store.Key[[]owedHook] = "hooks/after_apply"

// owedHook is an after_apply hook that has not come to its end.
type owedHook struct {
	Run   int       `json:"run"`
	Began time.Time `json:"began,omitzero"`
}

// OweHook notes in the transaction that ends an apply that its after_apply hooks are still to run.
func (h *Hooks) OweHook(tx *store.Tx, conf *active.Config, run *store.Run) error {
	if !hook.Any(conf, conf.Stack(run.Stack), hook.AfterApply) {
		return nil
	}
	owed, _, err := afterKey.Get(tx)
	if err != nil {
		return err
	}
	return afterKey.Put(tx, append(owed, owedHook{Run: run.ID}))
}

// RunOwedHooks starts the after_apply hooks of applies that have ended. One that had begun and is not at work any more was
// cut off with the agent: that is told, and it is not run a second time.
func (h *Hooks) RunOwedHooks(conf *active.Config) error {
	var owed []owedHook
	if err := h.store.View(func(tx *store.Tx) (err error) {
		owed, _, err = afterKey.Get(tx)
		return err
	}); err != nil {
		return err
	}
	for _, o := range owed {
		run, err := h.ledger.RunOf(&store.Message{Run: o.Run})
		if err != nil {
			return err
		}
		switch {
		case run == nil || !hook.Any(conf, conf.Stack(run.Stack), hook.AfterApply):
			err = h.SettleHook(o.Run, "")
		case h.work.Busy(run.ID) != "":
		case !o.Began.IsZero():
			err = h.SettleHook(o.Run, "the agent was stopped while the after_apply hook ran; nobody saw its end, and it is not run a second time")
		default:
			h.work.Do(run.ID, workHook, func(ctx context.Context) { h.hookAfterApply(ctx, conf, run) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *Hooks) hookAfterApply(ctx context.Context, conf *active.Config, run *store.Run) {
	err := h.changeOwed(run.ID, func(owed []owedHook, i int) []owedHook {
		owed[i].Began = h.now().UTC()
		return owed
	}, nil)
	if err != nil {
		h.journal.StoreFault(err)
		return
	}
	said, err := h.engines.Hook(ctx, conf, conf.Stack(run.Stack), run, hook.AfterApply)
	if ctx.Err() != nil {
		return // stopping: the next start tells that nobody saw its end
	}
	text := ""
	if err != nil {
		text = h.health.Redact(err.Error())
		h.log.Warn("running a hook", "hook", hook.AfterApply, "run", run.ID, "stack", run.Stack, "err", text)
	}
	if err := h.settle(run.ID, said, text); err != nil {
		h.work.Backoff(run.ID)
		h.journal.StoreFault(err)
	}
}

// SettleHook ends an after_apply hook; a text says what was wrong with it. The run itself stays what it is.
func (h *Hooks) SettleHook(id int, text string) error { return h.settle(id, nil, text) }

// settle keeps what the hooks said in the transaction after which they are owed no more, so that nothing of it is there twice.
func (h *Hooks) settle(id int, said []store.HookNote, text string) error {
	return h.changeOwed(id, func(owed []owedHook, i int) []owedHook { return slices.Delete(owed, i, i+1) }, func(tx *store.Tx) error {
		if text == "" && len(said) == 0 {
			return nil
		}
		run, err := tx.ChangeRun(id, func(r *store.Run) error {
			r.Hear(said, hook.AfterApply)
			if text != "" {
				r.Warnings = append(r.Warnings, text)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if text == "" {
			return h.ledger.RefreshCard(tx, run)
		}
		return h.ledger.RefreshAnd(tx, run, hook.AfterApply, strings.ToUpper(text[:1])+text[1:]+".")
	})
}

// Heard keeps what the hooks of one kind said that can run again, in the place of what they said before.
func (h *Hooks) Heard(run *store.Run, said []store.HookNote, name string) error {
	if len(said) == 0 && !slices.ContainsFunc(run.HookNotes, func(n store.HookNote) bool { return n.Hook == name }) {
		return nil
	}
	return h.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.ChangeRun(run.ID, func(r *store.Run) error {
			r.Hear(said, name)
			return nil
		})
		if err != nil {
			return err
		}
		return h.ledger.RefreshCard(tx.Tx, now)
	})
}

// changeOwed changes what is kept of one after_apply hook, with what follows from it.
func (h *Hooks) changeOwed(run int, change func(owed []owedHook, i int) []owedHook, also func(*store.Tx) error) error {
	return h.journal.Update(func(tx *journal.Tx) error {
		owed, _, err := afterKey.Get(tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(owed, func(o owedHook) bool { return o.Run == run })
		if i < 0 {
			return nil
		}
		if owed = change(owed, i); len(owed) > 0 {
			err = afterKey.Put(tx, owed)
		} else {
			err = afterKey.Forget(tx)
		}
		if err != nil || also == nil {
			return err
		}
		return also(tx.Tx)
	})
}
