package triggers

import (
	"errors"
	"fmt"
	"maps"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/lifecycle"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/phrase"
	"sallyport/store"
)

// What a stack depends on changes under it: an applied change of one stack makes a dependency run of each stack that
// depends on it. Nothing is queued for that. Each stack remembers the newest apply that changed it (Changed), and for each
// of its upstreams the newest such apply that a plan of its own has taken in (Upstreams); where the two differ, a run is due.
// So a crash at any moment loses nothing and makes nothing twice, and a diamond makes one run: the upstreams are compared
// as they are, however many of them changed. An image is an upstream too: a build of it is what changes it.

// errNoRunYet: the stack cannot get a dependency run now, since a person's run of it waits or something is applying. It is
// asked for again when that has ended.
var errNoRunYet = errors.New("another run of the stack has to end first")

// Dependencies makes the runs that are due. It is asked at each pass that looks for changes, after discover: what a commit
// asks for comes first, and takes in what changed upstream.
func (t *Triggers) Dependencies(conf *active.Config, r *config.Repository) error {
	var due []*config.Stack
	strangers := false
	stacks := conf.Stacks(r.Name)
	err := t.store.View(func(tx *store.Tx) error {
		for _, s := range stacks {
			known := t.seenOf(s)
			if t.store.Unchanged(known.idle) {
				continue
			}
			met, changed := false, map[string]int(nil)
			reads, err := tx.Watch(func() error {
				st, err := tx.Stack(s.Name)
				if err != nil {
					return err
				}
				met = lifecycle.SameUpstreams(s, st)
				changed, err = t.ledger.DueChanges(tx, s)
				return err
			})
			if err != nil {
				return fmt.Errorf("looking at what %s depends on: %w", s.Name, err)
			}
			strangers = strangers || !met
			if len(changed) > 0 {
				due = append(due, s)
			}
			if met && len(changed) == 0 {
				known.idle = reads
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 && !strangers {
		return err
	}
	// One transaction, so that of stacks that depend on each other none is planned before the other has its run.
	return t.journal.Update(func(tx *journal.Tx) error {
		if strangers {
			if err := meetUpstreams(tx.Tx, stacks); err != nil {
				return err
			}
		}
		for _, s := range due {
			if err := t.dueRun(tx, conf, s); err != nil {
				return fmt.Errorf("stack %s: %w", s.Name, err)
			}
		}
		return nil
	})
}

// meetUpstreams takes upstreams that are new to a stack as they are: that the configuration names one is no change of it.
func meetUpstreams(tx *store.Tx, stacks []*config.Stack) error {
	for _, s := range stacks {
		st, err := tx.Stack(s.Name)
		if err != nil {
			return err
		}
		if lifecycle.SameUpstreams(s, st) {
			continue
		}
		now := map[string]int{}
		for _, name := range s.Uses() {
			seen, known := st.Upstreams[name]
			if !known {
				up, err := tx.Stack(name)
				if err != nil {
					return err
				}
				seen = up.Changed
			}
			now[name] = seen
		}
		st.Upstreams = now
		if err := tx.PutStack(st); err != nil {
			return err
		}
	}
	return nil
}

// dueRun makes the run of one stack whose upstreams changed and remembers that, in one transaction.
func (t *Triggers) dueRun(tx *journal.Tx, conf *active.Config, s *config.Stack) error {
	changed, err := t.ledger.DueChanges(tx.Tx, s)
	if err != nil || len(changed) == 0 {
		return err
	}
	r := ledger.NewRecordReader(tx.Tx)
	if r.Uses(s); r.Err != nil {
		return r.Err
	}
	err = t.dependencyRun(tx, conf, s, lifecycle.ChangedBy(changed, r.Out))
	if errors.Is(err, errNoRunYet) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := tx.Stack(s.Name)
	if err != nil {
		return err
	}
	maps.Copy(st.Upstreams, changed) // whoever cancels the run before it is planned does not get another one
	if err := tx.PutStack(st); err != nil {
		return err
	}
	return t.ledger.JoinOverview(tx.Tx, conf, s, changed)
}

// dependencyRun has a stack planned because something that it uses changed; reason says what, for people. It sees to it
// that there is a run whose plan begins after this transaction: one that has not begun yet serves as it is, a plan under
// way begins again, and a plan of the agent's own that waits for people is superseded, since it was made before the change.
// errNoRunYet if a person's run waits, something is applying, or the branch's newest commit was not compared yet: the
// caller remembers what is due and asks again.
func (t *Triggers) dependencyRun(tx *journal.Tx, conf *active.Config, s *config.Stack, reason string) error {
	st, err := tx.Stack(s.Name)
	if err != nil {
		return err
	}
	repository, err := tx.Repository(s.Repository)
	if err != nil {
		return err
	}
	if !t.compared.With(s.Name, repository.Head) {
		return errNoRunYet // a commit run may be due, which is the better one
	}
	if st.OpenRun != 0 {
		if served, err := t.beforeDependency(tx, conf, st.OpenRun, reason); served || err != nil {
			return err
		}
	}
	r := ledger.NewRecordReader(tx.Tx)
	r.Uses(s)
	commit, applied, known := lifecycle.DependencyCommit(st, r.Out)
	if r.Err != nil {
		return r.Err
	}
	if !known || commit == "" {
		return errNoRunYet
	}
	return t.ledger.Create(tx, conf, &store.Run{
		Stack: s.Name, Repository: s.Repository, Kind: store.KindDependency, Commit: commit, Head: repository.Head,
		AtApplied: applied, Reason: reason,
	})
}

// beforeDependency deals with the open run of a stack that is to be planned anew. It reports whether that run serves.
func (t *Triggers) beforeDependency(tx *journal.Tx, conf *active.Config, id int, reason string) (bool, error) {
	open, err := tx.Run(id)
	if err != nil {
		return false, err
	}
	switch due.ForDependency(open) {
	case due.Serve:
		return true, ledger.MoreReason(tx.Tx, open, reason)
	case due.Restart:
		_, err := t.ledger.Move(tx, conf, open, store.Move{From: store.Planning, To: store.Pending, Text: reason}, func(r *store.Run) error {
			r.Attempts = 0
			return nil
		})
		if err == nil {
			t.work.Stop(id)
		}
		return true, err
	case due.Supersede:
		_, err = t.ledger.Move(tx, conf, open, store.Move{From: open.Status, To: store.Superseded, Text: reason}, phrase.Because("superseded: "+reason))
		if err == nil {
			t.work.Stop(id)
		}
		return false, err
	}
	return false, errNoRunYet
}
