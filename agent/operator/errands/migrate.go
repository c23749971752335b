package errands

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/archive"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/datadir"
	"sallyport/agent/engine"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/locks"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/rootmodule"
	"sallyport/notify/words"
	"sallyport/store"
)

// Migration brings the state of a stack to where the configuration says now that it is, for a person.
type Migration struct {
	Stack  string
	From   string // a file with the backend of before; empty: the agent keeps the state
	Commit string // what the person has looked at, or the beginning of it; empty: they have not said
	By     string
}

// migrateTimeout bounds all of a migration.
const migrateTimeout = 40 * time.Minute

// migrating is one of them at work.
type migrating struct {
	*Errands
	Migration
	occupation
	commit  string // whose configuration says where the state is to be
	known   *store.StackState
	kept    string // the name of the copy of the state
	text    []byte // the state
	state   terraform.State
	brought terraform.Brought
	aside   string // where the state lies that the agent kept
}

// MigrateState copies the state from where it was to where the branch's newest commit says that it is. It is done only if a plan there
// finds nothing to do; else everything stays as it was. The person who asks for it vouches for the backend of that commit, which gets
// what an apply gets: see vouched.
func (e *Errands) MigrateState(ctx context.Context, r Migration) (string, error) {
	conf := e.active.Current.Load()
	s := conf.Stack(r.Stack)
	if s == nil {
		return "", control.NoStack(r.Stack, active.StackNames(conf))
	}
	if err := NotForImages(s, "state migrate"); err != nil {
		return "", err
	}
	if r.From != "" {
		if err := rootmodule.CheckBackendFile([]byte(r.From)); err != nil {
			return "", control.Errorf(control.Usage, "%s", err).WithHint(`terraform { backend "s3" { ... } }, as it was before`)
		}
	}
	e.freshen(ctx, r.Stack)
	m := &migrating{Errands: e, Migration: r, occupation: occupation{event: "state migrate", stack: r.Stack, by: r.By, what: "state migrate", alone: true}}
	err := e.prepared(ctx, func(tx *store.Tx) (err error) {
		if m.known, err = tx.Stack(r.Stack); err != nil {
			return err
		}
		repository, err := tx.Repository(s.Repository)
		if err != nil {
			return err
		}
		if m.commit = repository.Head; m.commit == "" {
			return hint.Refuse("see sallyport status; the first poll must succeed once", "repository %s was not read yet", s.Repository)
		}
		if err := vouched(tx, m, s); err != nil {
			return err
		}
		m.kept = archive.BeforeRepair(m.known.NewestRun, e.now())
		return e.quiet(tx, conf.Cfg.DataDir, m.known)
	})
	if err == nil {
		err = e.lockStack(m.occupation)
	}
	if err != nil {
		return "", err
	}
	message, err := e.errand(ctx, r.Stack, r.By, m.carryOut)
	if err != nil && ctx.Err() == nil { // also where it was not begun
		err = errors.Join(err, e.journal.Update(func(tx *journal.Tx) error { return unlockStack(tx, m.occupation, "not begun") }))
	}
	return message, err
}

// vouched refuses a commit that nobody has approved, where applies get what its plans do not, unless the person names it: its backend,
// and what that runs, gets what an apply gets.
func vouched(tx *store.Tx, m *migrating, s *config.Stack) error {
	lent, err := LentAt(tx, m.known, m.commit)
	switch {
	case err != nil:
		return err
	case m.Commit != "" && (len(m.Commit) < minSeen || !strings.HasPrefix(m.commit, m.Commit)):
		return hint.Refuse("look at that one, or leave --commit out", "the branch's newest commit is %s, not %q", m.commit, m.Commit)
	case m.Commit == "" && lent != engine.LentForApply && engine.LendsMoreToApplies(s):
		return hint.Refuse(fmt.Sprintf("look at commit %s, then: sallyport state migrate %s --commit %s", words.Short(m.commit), m.Stack, m.commit),
			"nobody has approved commit %s of %s, whose backend would be given the secrets of applies", words.Short(m.commit), m.Stack)
	}
	return nil
}

func (m *migrating) carryOut(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if err := m.move(ctx); err != nil {
		text := m.health.Redact(err.Error())
		m.log.Warn("a state was not migrated", "stack", m.Stack, "by", m.By, "err", text)
		return "", errors.Join(err, m.journal.Update(func(tx *journal.Tx) error { return unlockStack(tx, m.occupation, "failed: "+text) }))
	}
	var message string
	err := m.journal.Update(func(tx *journal.Tx) (err error) {
		message, err = m.done(tx)
		return errors.Join(err, unlockStack(tx, m.occupation, fmt.Sprintf("lineage %s, serial %d", m.state.Lineage, m.state.Serial)))
	})
	return message, err
}

// move is everything that is done with terraform. After an error both places are as they were.
func (m *migrating) move(ctx context.Context) error {
	dataDir := m.active.Cfg().DataDir
	if err := m.read(ctx); err != nil {
		return err
	}
	if err := m.plan(ctx, func(ctx context.Context, o terraform.PlanOptions) (*terraform.PlanResult, error) {
		return terraform.Rehearse(ctx, o, m.text)
	}); err != nil {
		return err
	}
	if err := archive.KeepState(dataDir, m.Stack, m.kept, m.text); err != nil {
		return err
	}
	err := m.inScratch(ctx, engine.LentForApply, func(ctx context.Context, o terraform.PlanOptions) (err error) {
		m.brought, err = terraform.BringState(ctx, o, terraform.BringOptions{State: m.text, Kept: m.From == "", Keep: func(current []byte) error {
			return archive.KeepState(dataDir, m.Stack, archive.BeforeRepair(m.known.NewestRun, m.now()), current)
		}})
		return err
	})
	switch {
	case errors.Is(err, terraform.ErrStateKept):
		return hint.Refuse("name the backend in a commit first; or where the state is: sallyport state migrate "+m.Stack+" --from FILE", "%s", err)
	case errors.Is(err, terraform.ErrPlaceTaken):
		return hint.Refuse("look at it: sallyport exec "+m.Stack+" -- state list; it stays as it is", "%s", err)
	case err != nil:
		return err
	}
	if err := m.plan(ctx, terraform.Plan); err != nil {
		return m.takenBack(ctx, err)
	}
	if m.From == "" {
		aside, err := keptstate.PutAside(datadir.State(dataDir, m.Stack), m.active.Current.Load().Stack(m.Stack).Workspace, ".migrated-"+m.now().UTC().Format("20060102T150405Z"))
		if err != nil {
			return m.takenBack(ctx, fmt.Errorf("putting the state aside that the agent kept: %w", err))
		}
		m.aside = aside
	}
	return nil
}

// inScratch does one part of it in a directory of its own, and with a user of its own: what a plan leaves running is gone before
// anything is written.
func (m *migrating) inScratch(ctx context.Context, lent engine.Lent, work func(context.Context, terraform.PlanOptions) error) error {
	return m.engines.WithTempCheckout(ctx, engine.Repair{Stack: m.Stack, By: m.By, Commit: m.commit, Lent: lent, Work: work})
}

// plan makes a plan as one of a run is made, and refuses one that would do anything.
func (m *migrating) plan(ctx context.Context, make func(context.Context, terraform.PlanOptions) (*terraform.PlanResult, error)) error {
	return m.inScratch(ctx, engine.LentForPlan, func(ctx context.Context, o terraform.PlanOptions) error {
		if _, _, err := m.ledger.UseImages(&store.Run{Stack: m.Stack}, m.active.Current.Load().Stack(m.Stack), &o); err != nil {
			return err
		}
		return m.nothingToDo(make(ctx, o))
	})
}

// read gets the state from where it was, and looks whether it is the stack's.
func (m *migrating) read(ctx context.Context) (err error) {
	if m.From == "" {
		m.text, err = keptstate.Read(datadir.State(m.active.Cfg().DataDir, m.Stack), m.active.Current.Load().Stack(m.Stack).Workspace)
		if errors.Is(err, fs.ErrNotExist) {
			return hint.Refuse("sallyport state migrate "+m.Stack+" --from FILE, with the backend of before: terraform { backend ... }", "the agent keeps no state of %s", m.Stack)
		}
	} else {
		err = m.inScratch(ctx, engine.LentForPlan, func(ctx context.Context, o terraform.PlanOptions) (err error) {
			m.text, err = terraform.StateFrom(ctx, o, []byte(m.From))
			return err
		})
	}
	if err != nil {
		return err
	}
	if m.text != nil {
		if m.state, err = terraform.ParseState(m.text); err != nil {
			return fmt.Errorf("reading the state of before: %w", err)
		}
	}
	switch {
	case m.state.Resources == 0:
		return hint.Refuse("is that where it was?", "the state of before holds nothing")
	case m.known.Lineage != "" && m.state.Lineage != m.known.Lineage:
		return hint.Refuse("is that where it was?", "the state of before (lineage %s) is not the one that %s was applied with (lineage %s)", m.state.Lineage, m.Stack, m.known.Lineage)
	}
	return nil
}

// nothingToDo refuses a plan that would change anything, or is made on another state.
func (m *migrating) nothingToDo(plan *terraform.PlanResult, err error) error {
	switch {
	case err != nil:
		return err
	case plan.Plan.Lineage != m.state.Lineage || plan.Plan.Serial < m.state.Serial:
		return hint.Refuse("try again", "the plan was made on another state: lineage %s, serial %d, in the place of %s, %d", plan.Plan.Lineage, plan.Plan.Serial, m.state.Lineage, m.state.Serial)
	case !plan.Plan.Empty:
		return hint.Refuse("apply or take back first what is open, and move the backend in a commit of its own",
			"with that state the plan of %s is not empty (%d to add, %d to change, %d to destroy), so nobody could tell whether it is the right one; nothing was moved",
			words.Short(m.commit), plan.Plan.Add, plan.Plan.Change, plan.Plan.Destroy)
	}
	return nil
}

// takenBack undoes what was written, and says so in the error that is the reason.
func (m *migrating) takenBack(ctx context.Context, cause error) error {
	if m.brought.There {
		return cause // it was there before
	}
	err := m.inScratch(context.WithoutCancel(ctx), engine.LentForApply, func(ctx context.Context, o terraform.PlanOptions) error {
		ctx, cancel := context.WithTimeout(ctx, repairTimeout)
		defer cancel()
		return terraform.TakeBack(ctx, o, m.brought.Before)
	})
	if err != nil {
		return errors.Join(cause, fmt.Errorf("and the copy that was written could not be taken back: %w", err))
	}
	return cause
}

// done records where the state is now, and tells the channel.
func (m *migrating) done(tx *journal.Tx) (string, error) {
	st, err := tx.Stack(m.Stack)
	if err != nil {
		return "", err
	}
	st.Lineage, st.Resources = m.state.Lineage, m.state.Resources
	if err := tx.PutStack(st); err != nil {
		return "", err
	}
	name, _ := archive.CopyName(m.kept)
	text := fmt.Sprintf("The state of %s (%s, lineage %s, serial %d) is where commit %s says that it is, and a plan there finds nothing to do. A copy is kept: %s.",
		m.Stack, words.Count(m.state.Resources, "resource"), m.state.Lineage, m.state.Serial, words.Short(m.commit), name)
	if m.aside != "" {
		text += " What the agent kept lies aside: " + m.aside + "."
	} else {
		text += " Where it was it still lies; nothing reads it any more."
	}
	note := m.ledger.Note(fmt.Sprintf("state-migrate/%s/%s", m.Stack, m.kept), m.By+" migrated a state. "+text)
	return text + " Then: sallyport plan " + m.Stack, errors.Join(tx.Enqueue(note), locks.LookNow(tx.Tx, m.Stack))
}
