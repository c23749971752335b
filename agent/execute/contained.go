package execute

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/contain"
	"sallyport/agent/health"
	"sallyport/agent/lifecycle"
	"sallyport/agent/workers"
	"sallyport/store"
)

// RunWork is everything that the loop and its workers do for a run. It starts afresh when the run moves, somebody decides
// about it or cancels it.
func RunWork(run *store.Run) health.Work {
	return health.Work{
		Name: workers.RunName(run.ID),
		At:   strings.Join([]string{string(run.Status), run.Head, fmt.Sprint(len(run.Decisions)), run.CancelBy}, " "),
		// What is applying has to be followed to its end whatever happens.
		Watches: run.Status == store.Applying,
	}
}

// MoveOn moves one run on by a step, unless its work panicked and rests.
func (e *Executor) MoveOn(ctx context.Context, conf *active.Config, run *store.Run) (wait time.Duration, err error) {
	of := RunWork(run)
	if struck := e.strikes.Resting(of); struck != nil {
		return struck.Wait(), e.RestRun(conf, run, struck)
	}
	err = contain.Do(of.Name, func() (err error) {
		wait, err = e.Step(ctx, conf, run)
		return err
	})
	if p, panicked := err.(*contain.Panic); panicked {
		delete(e.waits, run.ID)
		struck := e.health.Struck(of, p)
		e.RunStruck(run, struck)
		return struck.Wait(), nil
	}
	return wait, err
}

// WorkPanicked takes in how a worker ended, of a run or, with id 0, of whatever name says.
func (e *Executor) WorkPanicked(name string, id int, p *contain.Panic) {
	switch {
	case id == 0:
		e.health.Panicked(name, p)
		return
	case p == nil:
		e.strikes.Clear(workers.RunName(id))
		return
	}
	run, err := e.ledger.RunOf(&store.Message{Run: id})
	if err != nil || run == nil {
		e.work.Backoff(id)
		e.health.LogPanic(p, "run", id)
		return
	}
	struck := e.health.Struck(RunWork(run), p)
	if run.Status.Terminal() { // what is owed to it is the after_apply hook, which begins once
		err = e.SettleHook(id, e.health.Redact("the after_apply hook was not seen to its end: "+p.Error()))
	} else {
		e.RunStruck(run, struck)
	}
	if err != nil {
		e.journal.StoreFault(err)
	}
}

// RestRun shows why a run's work rests, or ends what cannot be planned: that waits for a new commit, or a person.
func (e *Executor) RestRun(conf *active.Config, run *store.Run, struck *health.StruckError) error {
	text := struckText(run, e.health.Redact(struck.Error()))
	if !struck.Held() || run.Status != store.Planning {
		return e.ledger.Hold(run, text, struck.UserHint())
	}
	return e.ledger.MoveNow(conf, run, store.Move{From: store.Planning, To: store.Errored, Text: text}, func(r *store.Run) error {
		r.Error, r.Hint = text, contain.Hint+"; then: sallyport plan "+run.Stack
		return nil
	})
}

// struckText is a panic as the reason why a run is held.
func struckText(run *store.Run, struck string) string {
	if run.Status == store.Applying {
		return lifecycle.FollowFails + struck // not the apply is held, but who follows it
	}
	return struck
}

// RunStruck shows a panic as the error of the run that it happened for: a hold, with what to do. What had ended already, and
// is only worked on afterwards, keeps its end.
func (e *Executor) RunStruck(run *store.Run, struck *health.StruckError) {
	p := contain.Run("holding a run", func() {
		if err := e.ledger.Hold(run, struckText(run, e.health.Redact(struck.Error())), struck.UserHint()); err != nil {
			e.journal.StoreFault(err)
		}
	})
	if p != nil { // the very message about it cannot be made: status and the log still tell
		e.health.LogPanic(p, "run", run.ID, "stack", run.Stack)
		e.faults.Set(fmt.Sprintf("run #%d", run.ID), struck)
	}
}
