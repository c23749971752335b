package ledger

import (
	"errors"
	"fmt"

	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/terraform"
	"sallyport/store"
)

// givenKey keeps the values of variables that people gave, by run. They are needed again when a plan
// becomes stale or a pinned stack is recovered, and may be secrets: so they are in the store (0600), in one place that is
// emptied when nothing needs them any more, and never in a run's record.
const givenKey store.Key[given] = "given-vars"

// given are the values by run and name.
type given map[int]map[string]string

// PutGiven stores the values of a new run's variables.
func PutGiven(tx *store.Tx, run int, vars map[string]string) error {
	if len(vars) == 0 {
		return nil
	}
	all, found, err := givenKey.Get(tx)
	if err != nil {
		return err
	}
	if !found {
		all = given{}
	}
	all[run] = vars
	return givenKey.Put(tx, all)
}

// givenOf are the values of a run's variables; it is an error when they are known no more.
func givenOf(tx *store.Tx, run *store.Run) (map[string]string, error) {
	if len(run.Options.Vars) == 0 {
		return nil, nil
	}
	all, _, err := givenKey.Get(tx)
	if err != nil {
		return nil, err
	}
	for _, name := range run.Options.Vars {
		if _, known := all[run.ID][name]; !known {
			return nil, hint.Refuse(fmt.Sprintf("give it again: sallyport plan %s --var %s=VALUE", run.Stack, name),
				"the value that was given for the variable %s of #%d is not known any more", name, run.ID)
		}
	}
	return all[run.ID], nil
}

// SilenceGiven has the values that people gave and that the store still holds redacted, at the start of an agent.
func (l *Ledger) SilenceGiven() error {
	var all given
	err := l.store.View(func(tx *store.Tx) (err error) {
		all, _, err = givenKey.Get(tx)
		return err
	})
	for _, vars := range all {
		l.health.Silence(vars)
	}
	l.holdsGiven.Store(len(all) > 0)
	return err
}

// ForgetGiven drops the values that neither an open run nor a pin needs any more, once the logs of their runs are redacted.
func (l *Ledger) ForgetGiven() error {
	if !l.holdsGiven.Load() || len(l.ended.List()) > 0 {
		return nil
	}
	needless := func(tx *store.Tx) (given, int, error) {
		all, _, err := givenKey.Get(tx)
		if err != nil {
			return nil, 0, err
		}
		before := len(all)
		open, err := tx.OpenRuns()
		if err != nil {
			return nil, 0, err
		}
		needed := map[int]bool{}
		for _, run := range open {
			needed[run.ID] = true
		}
		stacks, err := tx.Stacks()
		if err != nil {
			return nil, 0, err
		}
		for _, st := range stacks {
			if st.Pin != nil {
				needed[st.Pin.Run] = true
			}
		}
		for id := range all {
			if !needed[id] {
				delete(all, id)
			}
		}
		return all, before - len(all), nil
	}
	var left given
	var gone int
	if err := l.store.View(func(tx *store.Tx) (err error) {
		left, gone, err = needless(tx)
		return err
	}); err != nil || gone == 0 {
		l.holdsGiven.Store(err != nil || len(left) > 0)
		return err
	}
	return l.journal.Write(func(tx *journal.Tx) error {
		left, _, err := needless(tx.Tx)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			return givenKey.Forget(tx)
		}
		return givenKey.Put(tx, left)
	})
}

// UsePlanOptions tells terraform what a run's options are.
func (l *Ledger) UsePlanOptions(run *store.Run, o *terraform.PlanOptions) error {
	o.Replace, o.Targets, o.RefreshOnly, o.Destroy = run.Options.Replace, run.Options.Targets, run.Options.RefreshOnly, run.Options.Destroy
	return l.store.View(func(tx *store.Tx) (err error) {
		o.Given, err = givenOf(tx, run)
		return err
	})
}

// passOn gives the values of a run's variables to the run that takes over from it. When they are not known, the plan of that
// one says so.
func (l *Ledger) passOn(tx *store.Tx, old, next *store.Run) error {
	vars, err := givenOf(tx, old)
	if unknown := (*hint.Refusal)(nil); errors.As(err, &unknown) {
		return nil
	}
	if err != nil {
		return err
	}
	return PutGiven(tx, next.ID, vars)
}
