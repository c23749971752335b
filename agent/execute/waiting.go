package execute

import (
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle"
	"sallyport/agent/outbox"
	"sallyport/agent/triggers"
	"sallyport/store"
)

// The loop looks at every open run whenever anything happens, and of hundreds that wait for people or for their turn all but one wait on.
// So it is remembered of a run that waits what was looked at, and it is looked at again only when some of that is another. Nothing is
// ever done on the strength of that memory: it saves looks, and every step is taken after a whole one.

// longestWait bounds how long a run is not looked at, whatever is remembered. It is what a forgotten fact could cost.
const longestWait = outbox.IdlePass

// waiting is what is remembered of a run that waits.
type waiting struct {
	reads   store.Reads
	at      time.Time     // by the agent's clock
	seen    time.Time     // by the one that nobody sets
	recheck time.Duration // it is looked at again after that; 0: whenever something happens
	conf    *active.Config
	stack   *config.Stack
	outside outside
	// To see outside again without the store: it is of the same stack and commit as long as nothing that was read changed.
	name, repository, head string
}

// outside is all that a look sees beside the store, the configuration and the clock. Whatever is missing here, and could make a run go on, is
// seen after longestWait only.
type outside struct {
	busy, resting, checking bool
	full                    bool // no slot is free; of a run that has its plan it does not matter
	slots                   lifecycle.Slots
	tight                   string
	deaf                    bool
	compared                bool
	fault                   string
}

// waits are the runs that wait, by number, and whether a slot was free then: slots come and go while the others wait.
type waits map[int]*[2]*waiting

// Due are the open runs that may have a step to take, oldest first, and after how long one of the others is looked at again though nothing
// happens. It is for the loop only.
func (e *Executor) Due(conf *active.Config) (due []*store.Run, next time.Duration, err error) {
	next = outbox.IdlePass
	slots := slotsOf(e.work, conf)
	err = e.store.View(func(tx *store.Tx) error {
		open, err := tx.OpenRunIDs()
		if err != nil {
			return err
		}
		still := make(waits, len(open))
		for _, id := range open {
			if again, waits := stillWaits(e, conf, id, slots); waits {
				still[id] = e.waits[id]
				if again > 0 {
					next = min(next, again)
				}
				continue
			}
			run, err := tx.Run(id)
			if err != nil {
				return err
			}
			if seen := e.waits[id]; seen != nil {
				still[id] = seen
			}
			due = append(due, run)
		}
		e.waits = still
		return nil
	})
	return due, next, err
}

// stillWaits reports whether nothing has changed for a run since it was seen to wait, and after how long it is looked at again for the sake
// of time; 0: whenever something happens.
func stillWaits(e *Executor, conf *active.Config, id int, slots lifecycle.Slots) (again time.Duration, waits bool) {
	seen := e.waits[id]
	if seen == nil || e.work.AnyCheck() { // which have to make way
		return 0, false
	}
	for _, w := range seen {
		if w == nil || w.conf != conf || e.active.Current.Load() != conf || conf.Stack(w.name) != w.stack {
			continue
		}
		passed := e.now().Sub(w.at)
		if passed < 0 || passed >= longestWait || w.recheck > 0 && passed >= w.recheck || time.Since(w.seen) >= longestWait {
			continue
		}
		if w.outside != outsideOf(e, conf, w, slots, id) || !e.store.Unchanged(w.reads) {
			continue
		}
		if w.recheck > 0 {
			again = w.recheck - passed
		}
		return again, true
	}
	return 0, false
}

// remember keeps what a look has seen of a run if all that it means is to wait, and forgets it otherwise.
func remember(e *Executor, conf *active.Config, f lifecycle.Facts, step lifecycle.Step, reads store.Reads) {
	id := f.Run.ID
	if !onlyWaits(f, step) {
		delete(e.waits, id)
		return
	}
	w := &waiting{
		reads: reads, at: f.Now.Wall, seen: time.Now(), recheck: step.Reason.Recheck, conf: conf, stack: f.Config.Stack, name: f.Run.Stack, repository: f.Run.Repository,
	}
	if known := f.Store.Repositories[f.Run.Repository]; known != nil {
		w.head = known.Head
	}
	w.outside = outsideOf(e, conf, w, f.Process.Slots, id)
	if w.outside.busy != f.Process.Busy || w.outside.resting != f.Process.Resting || w.outside.checking != f.Process.Checking || w.outside.compared != f.Process.Compared {
		delete(e.waits, id) // something has happened since the look
		return
	}
	seen := e.waits[id]
	if seen == nil {
		seen = &[2]*waiting{}
		e.waits[id] = seen
	}
	if w.outside.full {
		seen[1] = w
	} else {
		seen[0] = w
	}
}

// onlyWaits reports whether a look at a run came to nothing but that it waits: for people, or for its turn to be planned.
func onlyWaits(f lifecycle.Facts, step lifecycle.Step) bool {
	if f.Run.Kind == store.KindPullRequest || f.Config.Stack == nil || !f.Config.Current {
		return false
	}
	if f.Run.Status != store.Planned && f.Run.Status != store.Pending {
		return false
	}
	also := step.Also
	if also.Remind != 0 || also.Note != "" || also.StateGone || len(also.Warnings) > 0 || step.Checks == lifecycle.OwnCheck {
		return false
	}
	left := f.Left
	if left.Unread != "" || left.Alive || left.Ending || left.StateGone || len(left.Processes) > 0 { // of which the store says nothing
		return false
	}
	return step.Do == lifecycle.Wait || step.Do == lifecycle.Hold
}

// outsideOf is what a look would see now.
func outsideOf(e *Executor, conf *active.Config, w *waiting, slots lifecycle.Slots, id int) outside {
	o := outside{
		busy: e.work.Busy(id) != "", resting: e.work.Resting(id), checking: e.work.Checking(w.name),
		tight: e.tight.Why, deaf: conf.Slack != nil && !e.active.HasListened(),
		compared: e.compared.With(w.name, w.head), fault: e.faults.Of(triggers.LookingFault(w.repository)).Error,
	}
	o.full = slots.Full(w.stack.Engine)
	slots.Terraform, slots.Builds, slots.Previews = 0, 0, 0 // what of them matters is whether one is free
	slots.AloneFree = false
	o.slots = slots
	return o
}
