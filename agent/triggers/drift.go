package triggers

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/agent/config/calendar"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/lifecycle/effects"
	"sallyport/agent/outbox"
	"sallyport/agent/terraform"
	"sallyport/agent/workers"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// A drift check plans a stack, with refresh, at the commit that is applied, and throws the plan away. Only what it finds
// makes a run, which plans once more and asks; so a thousand checks that find nothing leave one record in the stack's state
// and no trace in the history.

const (
	driftRetry   = 15 * time.Minute // after a failure, if the schedule's next time is not sooner
	driftLook    = 10 * time.Second // how often schedules are compared with the clock at least
	driftRecheck = time.Second      // how soon one that is due and has to wait is looked at again
	maxJitter    = 5 * time.Minute
)

// CheckDrift starts the drift checks that are due, as far as there is room. It returns when to look again.
func (t *Triggers) CheckDrift(conf *active.Config) time.Duration {
	next := outbox.IdlePass
	if wait := time.Until(t.driftNext); wait > 0 && t.driftConfig == conf && !t.ledger.MovedSince() {
		return wait
	}
	for _, s := range conf.AllStacks() {
		if s.Drift == "" || s.Mode == config.ModeObserve || s.Engine == config.EnginePacker {
			continue
		}
		next = min(next, driftLook)
		wait, err := t.stackDrift(conf, s)
		if err != nil {
			t.journal.StoreFault(err)
			wait = workers.WorkRest
		}
		next = min(next, max(wait, driftRecheck))
	}
	t.driftNext, t.driftConfig = time.Now().Add(next), conf
	return next
}

// stackDrift starts the check of one stack if it is due, and returns how long it has time.
func (t *Triggers) stackDrift(conf *active.Config, s *config.Stack) (time.Duration, error) {
	var st *store.StackState
	var check due.Check
	var head string
	paused, destroyed := false, false
	err := t.store.View(func(tx *store.Tx) (err error) {
		if st, err = tx.Stack(s.Name); err != nil {
			return err
		}
		if check, err = checkOf(tx, st); err != nil {
			return err
		}
		agent, err := tx.Agent()
		if err != nil {
			return err
		}
		paused = agent.Paused != nil || st.Paused != nil
		if destroyed, err = takenDown(tx, st); err != nil {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil {
			return err
		}
		head = repository.Head
		return nil
	})
	if err != nil {
		return 0, err
	}
	if !check.Checkable(s) || paused || destroyed {
		return driftLook, nil
	}
	open := check.Open
	wait, err := t.untilDrift(st, s)
	if err != nil || wait > 0 {
		return wait, err
	}
	checking := health.Work{Name: "checking the drift of " + s.Name, At: st.AppliedCommit + s.Inputs}
	if struck := t.strikes.Resting(checking); struck != nil {
		return struck.Wait(), nil
	}
	if !t.compared.With(s.Name, head) || t.tight.Why != "" || t.work.Count() >= conf.Cfg.Terraform.Parallel || !conf.Pool.Room(false) || open != nil && t.work.Busy(open.ID) != "" {
		return driftRecheck, nil // what people wait for comes first
	}
	t.work.Check(s.Name, func(ctx context.Context) {
		began := t.now().UTC()
		err := t.health.Contained(checking, func() error { t.drift(ctx, conf, s, st, open); return nil })
		if err == nil {
			return
		}
		if err := t.drifted(conf, s, st, began, nil, err); err != nil {
			t.journal.StoreFault(err)
		}
	})
	return driftRecheck, nil
}

// checkOf reads what a check of a stack would be of.
func checkOf(tx *store.Tx, st *store.StackState) (c due.Check, err error) {
	c.Stack = st
	if st.OpenRun != 0 {
		if c.Open, err = tx.Run(st.OpenRun); err != nil {
			return c, err
		}
	}
	if st.Partly != 0 {
		c.Partly, err = store.Found(tx.Run(st.Partly))
	}
	return c, err
}

// takenDown reports whether somebody had the whole stack destroyed: that nothing is there is no drift then.
func takenDown(tx *store.Tx, st *store.StackState) (bool, error) {
	if st.LastApply <= st.AppliedRun {
		return false, nil
	}
	last, err := store.Found(tx.Run(st.LastApply))
	return due.TakenDown(st, last), err
}

// untilDrift is how long the next check has time; zero or less if it is due. It is counted from the last try, which the
// store remembers: of the times that were missed while the agent was down, one is made up for.
func (t *Triggers) untilDrift(st *store.StackState, s *config.Stack) (time.Duration, error) {
	schedule, err := calendar.ParseSchedule(s.Drift)
	if err != nil {
		return 0, fmt.Errorf("reading the drift schedule of %s: %w", s.Name, err)
	}
	now := t.now()
	last := st.SettledAt()
	if st.Drift != nil {
		last = st.Drift.TriedAt
	}
	due, ever := clock.Due(schedule, last, now)
	if !ever {
		return clock.Never, nil
	}
	if due.Equal(now) {
		return 0, nil // the clock was put back: what it shows now is no time of the schedule's, to be spread from
	}
	wait := due.Add(t.driftJitter(s, due, schedule.Next(due))).Sub(now)
	if st.Drift != nil && st.Drift.Failures > 0 {
		wait = min(wait, last.Add(driftRetry).Sub(now))
	}
	return wait, nil
}

// driftJitter spreads the checks of many stacks and agents that have one schedule over a tenth of the time between two.
// It is the same at every look at the same moment.
func (t *Triggers) driftJitter(s *config.Stack, due, after time.Time) time.Duration {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, t.id, s.Name, due.Unix())
	most := min(after.Sub(due)/10, maxJitter)
	return time.Duration(float64(h.Sum32()) / (1 << 32) * float64(max(0, most)))
}

// drift makes one check and records what it found.
func (t *Triggers) drift(ctx context.Context, conf *active.Config, s *config.Stack, before *store.StackState, open *store.Run) {
	began := t.now().UTC()
	result, err := t.engines.DriftPlan(ctx, conf, s, before.AppliedCommit)
	if ctx.Err() != nil {
		return // it gave way; it is due as before
	}
	fault.Point("drift checked, not stored")
	if err := t.drifted(conf, s, before, began, result, err); err != nil {
		t.journal.StoreFault(err)
	}
}

// drifted records a check in one transaction: what it found, and what follows from that. If anything of the stack moved
// meanwhile, the check says nothing and another one is made.
func (t *Triggers) drifted(conf *active.Config, s *config.Stack, before *store.StackState, began time.Time, result *terraform.PlanResult, cause error) error {
	return t.journal.Update(func(tx *journal.Tx) error {
		st, err := tx.Stack(s.Name)
		if err != nil {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil {
			return err
		}
		check, err := checkOf(tx.Tx, st)
		if err != nil {
			return err
		}
		open := check.Open
		if st.NewestRun != before.NewestRun || st.OpenRun != before.OpenRun || st.AppliedCommit != before.AppliedCommit || st.AppliedRun != before.AppliedRun ||
			!check.Checkable(s) || t.active.Current.Load() != conf || !t.compared.With(s.Name, repository.Head) {
			return nil
		}
		d := store.Drift{}
		if st.Drift != nil {
			d = *st.Drift
		}
		d.Schedule, d.TriedAt = s.Drift, began
		if cause != nil {
			if err := t.driftFailed(tx.Tx, s, &d, cause); err != nil {
				return err
			}
			st.Drift = &d
			return tx.PutStack(st)
		}
		if err := t.driftWorks(tx.Tx, s, &d); err != nil {
			return err
		}
		d.CheckedAt = t.now().UTC()
		count := d.Found()
		effects.NoteFound(&d, &result.Plan)
		st.Resources = result.Resources
		news := ledger.TakeChecks(st, result.Plan.Checks)
		switch {
		case !d.Found():
			d.Since, st.CheckedAt = time.Time{}, d.CheckedAt
			ledger.NothingLeftOut(st)
			d.CleanCommit, d.CleanInputs, d.CleanTools = st.AppliedCommit, s.Inputs, result.Plan.Tools()
		case !count || d.Since.IsZero():
			d.Since = began
		}
		st.Drift = &d
		if err := tx.PutStack(st); err != nil {
			return err
		}
		if news && !d.Found() {
			note := t.ledger.ChecksNote(s.Name, fmt.Sprint(began.UnixMilli()), s.PlanInSlack != "none", st.Checks)
			if err := tx.Enqueue(note); err != nil {
				return err
			}
		}
		t.log.Info("drift check", "stack", s.Name, "commit", words.Short(st.AppliedCommit), "gone", d.Gone, "changed", d.Changed, "config", d.Config)
		return t.afterDrift(tx, conf, s, st, open, &result.Plan, repository.Head)
	})
}

// afterDrift makes, renews or ends the run that asks about what a check found.
func (t *Triggers) afterDrift(tx *journal.Tx, conf *active.Config, s *config.Stack, st *store.StackState, open *store.Run, plan *store.Plan, head string) error {
	var asked []*store.Run
	var err error
	if open == nil && st.Drift.Found() {
		if asked, err = runsOf(tx.Tx, due.Asked(st)); err != nil {
			return err
		}
	}
	act := due.AfterDrift(st, open, plan, asked)
	switch act {
	case due.Nothing:
		return nil
	case due.End:
		ended, err := t.ledger.Move(tx, conf, open, store.Move{From: store.Planned, To: store.NoChanges, Text: "everything is as it was applied again"}, nil)
		if err != nil {
			return err
		}
		return t.ledger.RefreshAnd(tx.Tx, ended, "end", fmt.Sprintf("#%d %s: everything is as it was applied again, there is nothing to do.", open.ID, s.Name))
	}
	next := &store.Run{
		Stack: s.Name, Repository: s.Repository, Kind: store.KindDrift, Commit: st.AppliedCommit, Head: head, AtApplied: true,
		Reason: notify.Drifted(st.Drift),
	}
	if act == due.Renew {
		err = t.ledger.Renew(tx, conf, open, next)
	} else {
		err = t.ledger.Create(tx, conf, next)
	}
	if err != nil {
		return err
	}
	// The stack's state was changed by both.
	now, err := tx.Stack(s.Name)
	if err != nil {
		return err
	}
	now.Drift.Run, now.Drift.Fingerprint = next.ID, plan.Fingerprint
	return tx.PutStack(now)
}

// runsOf reads runs.
func runsOf(tx *store.Tx, ids []int) ([]*store.Run, error) {
	var runs []*store.Run
	for _, id := range ids {
		run, err := tx.Run(id)
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// driftFailed counts a check that got no answer. People are told once, when the second in a row fails.
func (t *Triggers) driftFailed(tx *store.Tx, s *config.Stack, d *store.Drift, cause error) error {
	if d.Failures++; d.Failures == 1 {
		d.ErrorAt = d.TriedAt
	}
	d.Error, d.Hint = t.health.Redact(cause.Error()), t.health.Redact(hint.Of(cause))
	t.log.Warn("a drift check failed", "stack", s.Name, "err", d.Error)
	if d.Failures < 2 || d.Told {
		return nil
	}
	d.Told = true
	return tx.Enqueue(t.ledger.Note(fmt.Sprintf("drift/%s/%d", s.Name, d.TriedAt.UnixMilli()),
		fmt.Sprintf("Nobody knows whether %s drifts: its checks fail since %s: %s", s.Name, d.ErrorAt.Format("2006-01-02 15:04 MST"), d.Error)))
}

// driftWorks notes that a check got an answer.
func (t *Triggers) driftWorks(tx *store.Tx, s *config.Stack, d *store.Drift) error {
	told := d.Told
	d.Error, d.Hint, d.ErrorAt, d.Failures, d.Told = "", "", time.Time{}, 0, false
	if !told {
		return nil
	}
	return tx.Enqueue(t.ledger.Note(fmt.Sprintf("drift/%s/%d", s.Name, d.TriedAt.UnixMilli()), fmt.Sprintf("Drift checks of %s work again.", s.Name)))
}
