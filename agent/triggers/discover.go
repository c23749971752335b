package triggers

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/due"
	"sallyport/agent/phrase"
	"sallyport/agent/stack"
	"sallyport/notify"
	"sallyport/notify/words"
	"sallyport/store"
)

// finding is what discover learned about one stack at the head.
type finding struct {
	due.Comparison
	stack       *config.Stack
	files       stack.Files
	err         error // the stack cannot be planned at this head
	behind      int
	behindBy    string
	observed    bool   // until now, so that nobody was asked about what it shows
	cause, news string // a path that changed: since the applied commit, and since the open run's head
}

// Discover compares each stack of a repository with the head and makes, or supersedes, runs. What was compared once
// is remembered by stack, so that a pass with nothing new costs one read of the store.
func (t *Triggers) Discover(ctx context.Context, conf *active.Config, r *config.Repository) error {
	var state *store.RepositoryState
	var known []*store.StackState
	err := t.store.View(func(tx *store.Tx) (err error) {
		if state, err = tx.Repository(r.Name); err != nil || state.Head == "" || conf.Looked(r.Name, state.Head) {
			return err
		}
		known, err = tx.Stacks()
		return err
	})
	if err != nil || state.Head == "" || state.URL != r.URL || state.Branch != r.Branch {
		return err
	}
	git := conf.Repos[r.Name]
	if !conf.Looked(r.Name, state.Head) {
		tree, err := git.Tree(state.Head)
		if err != nil {
			return fmt.Errorf("reading commit %s: %w", words.Short(state.Head), err)
		}
		if err := conf.Find(r.Name, state.Head, tree, known); err != nil {
			return err
		}
	}
	changed, stacks, opens, err := t.changedStacks(conf, r, state.Head)
	if err != nil {
		return err
	}
	var findings []*finding
	var failed stackFaults
	for _, s := range changed {
		key := memoKey(state.Head, s, stacks[s.Name], opens[s.Name])
		if t.compared.done(s.Name, key) {
			continue
		}
		var f *finding
		err := t.health.Contained(health.Work{Name: "comparing stack " + s.Name, At: key}, func() (err error) {
			f, err = t.compare(ctx, git, state.Head, s, stacks[s.Name], opens[s.Name])
			return err
		})
		if struck := health.AsStruck(err); struck != nil {
			err = t.stackStruck(s.Name, struck) // it is not compared: nothing of it is applied meanwhile
			t.journal.LookAgain()
			if err == nil {
				continue
			}
		}
		if err != nil {
			failed.add(s.Name, err)
			continue
		}
		findings = append(findings, f)
	}
	if len(findings) > 0 {
		if err := t.record(conf, r, state, findings); err != nil {
			return err
		}
	}
	return failed.of("comparing")
}

// changedStacks are the stacks of a repository that may have to be compared with the head, with their states and open runs: all but those
// that were compared with it and of which nothing was written since.
func (t *Triggers) changedStacks(conf *active.Config, r *config.Repository, head string) (changed []*config.Stack, stacks map[string]*store.StackState, opens map[string]*store.Run, err error) {
	stacks, opens = map[string]*store.StackState{}, map[string]*store.Run{}
	err = t.store.View(func(tx *store.Tx) error {
		for _, s := range conf.Stacks(r.Name) {
			if t.sameComparison(s, head) {
				continue
			}
			st, open, err := t.readStack(tx, s, head)
			if err != nil {
				return err
			}
			changed = append(changed, s)
			stacks[s.Name] = st
			if open != nil {
				opens[s.Name] = open
			}
		}
		return nil
	})
	return changed, stacks, opens, err
}

// memoKey names everything that a comparison depends on.
func memoKey(head string, s *config.Stack, st *store.StackState, open *store.Run) string {
	key := []string{head, s.Inputs, st.AppliedCommit, st.LastCommitCommit, strconv.Itoa(st.Partly)}
	if open != nil {
		key = append(key, fmt.Sprint(open.ID), string(open.Status))
	}
	return strings.Join(key, " ")
}

// record writes what follows from the findings in one transaction, so that stacks that depend on each other get their
// runs of one commit together.
func (t *Triggers) record(conf *active.Config, r *config.Repository, repository *store.RepositoryState, findings []*finding) error {
	keys := map[string]string{}
	err := t.journal.Update(func(tx *journal.Tx) error {
		clear(keys)
		now, err := tx.Repository(r.Name)
		if err != nil || now.Head != repository.Head {
			return err // a newer head came meanwhile: the next pass looks at that one
		}
		batch, err := t.batchOf(tx.Tx, findings)
		if err != nil {
			return err
		}
		for _, f := range findings {
			key, err := t.recordStack(tx, conf, now, f, batch)
			if err != nil {
				return fmt.Errorf("recording stack %s: %w", f.stack.Name, err)
			}
			keys[f.stack.Name] = key
		}
		return errors.Join(t.beginOverviews(tx.Tx, conf, r, now.Head, findings), t.closeBatch(tx.Tx, batch))
	})
	if err != nil {
		return err
	}
	for name, key := range keys {
		t.compared.record(name, key, repository.Head)
	}
	return nil
}

// recordStack makes or supersedes the run of one stack and returns the memo key of what is true afterwards.
func (t *Triggers) recordStack(tx *journal.Tx, conf *active.Config, repository *store.RepositoryState, f *finding, batch int) (string, error) {
	s := f.stack
	st, err := tx.Stack(s.Name)
	if err != nil {
		return "", err
	}
	if _, err := forgetObserved(tx.Tx, s, st); err != nil {
		return "", err
	}
	st.Repository, st.Dir, st.Workspace, st.Engine = s.Repository, s.Dir, s.Workspace, s.Engine
	if st.Behind == 0 || f.behind == 0 {
		st.BehindSince = time.Time{}
	}
	if f.behind != 0 && st.BehindSince.IsZero() {
		st.BehindSince = t.now().UTC()
	}
	st.Behind, st.BehindBy, st.Error = f.behind, f.behindBy, t.stackError(st, f)
	if err := tx.PutStack(st); err != nil {
		return "", err
	}
	var open *store.Run
	if st.OpenRun != 0 {
		if open, err = tx.Run(st.OpenRun); err != nil {
			return "", err
		}
	}
	var instead []string
	switch f.ForOpen(open) {
	case due.Wait:
		return "", nil
	case due.Supersede:
		why := words.Short(repository.Head) + " is newer, and the commit of this run is gone from the repository"
		if f.news != "" {
			why = fmt.Sprintf("%s changed %s", words.Short(repository.Head), f.news)
		}
		if open, err = t.ledger.Move(tx, conf, open, store.Move{From: open.Status, To: store.Superseded, Text: why}, func(run *store.Run) error {
			run.Error = "superseded: " + why
			return nil
		}); err != nil {
			return "", err
		}
		t.work.Stop(open.ID)
		instead = phrase.InsteadOf(open, store.PlanOptions{})
		open = nil
	}
	made := f.ForCommit(st, open)
	if made {
		open = &store.Run{
			Stack: s.Name, Repository: s.Repository, Kind: store.KindCommit, Commit: repository.Head,
			Head: repository.Head, Batch: batch, Reason: f.reason(st), Warnings: instead,
		}
		if err := t.ledger.Create(tx, conf, open); err != nil {
			return "", err
		}
	}
	if st, err = tx.Stack(s.Name); err != nil {
		return "", err
	}
	if !made {
		if err := t.reposition(tx, st, open, repository.Head); err != nil {
			return "", err
		}
	}
	if !made && f.Answers(st, open) {
		st.LastCommitCommit = repository.Head
		if err := tx.PutStack(st); err != nil {
			return "", err
		}
	}
	return memoKey(repository.Head, s, st, open), nil
}

// reposition says again of an open run at the newest commit how that lies to the applied one. A person's is made as soon as the commit
// is known, which is before the files are compared: until then nobody knows how many commits it brings.
func (t *Triggers) reposition(tx *journal.Tx, st *store.StackState, open *store.Run, head string) error {
	if open == nil || open.Status == store.Applying || open.Commit != head || open.Options.Commit {
		return nil
	}
	position := phrase.Position(open, st)
	if position == open.Position {
		return nil
	}
	now, err := tx.ChangeRun(open.ID, func(run *store.Run) error { run.Position = position; return nil })
	if err != nil {
		return err
	}
	return t.ledger.RefreshCard(tx.Tx, now)
}

// reason says which file made the run.
func (f *finding) reason(st *store.StackState) string {
	if st.Destroyed != nil && f.cause == "" {
		return fmt.Sprintf("nothing of it is applied since #%d destroyed it", st.Destroyed.Run)
	}
	if f.observed && f.cause == "" {
		return "only observed until now"
	}
	if st.AppliedCommit == "" && st.LastCommitCommit == "" {
		return notify.FirstSeen
	}
	if f.cause == "" {
		return "its commit before is gone from the repository: everything counts as changed"
	}
	return "changed: " + f.cause
}

// stackStruck shows a panic as the error of a stack, of which nothing else is known at this commit.
func (t *Triggers) stackStruck(name string, struck *health.StruckError) error {
	text := t.health.Redact(struck.Error())
	var st *store.StackState
	if err := t.store.View(func(tx *store.Tx) (err error) { st, err = tx.Stack(name); return err }); err != nil || st.Error == text {
		return err
	}
	return t.journal.Update(func(tx *journal.Tx) error {
		st, err := tx.Stack(name)
		if err != nil {
			return err
		}
		st.Error = text
		return tx.PutStack(st)
	})
}

// stackError says why a stack cannot be planned at the head, and what its state still holds.
func (t *Triggers) stackError(st *store.StackState, f *finding) string {
	if f.err == nil {
		return ""
	}
	text := t.health.Redact(f.err.Error())
	if errors.Is(f.err, stack.ErrNoDir) && st.AppliedCommit != "" && f.stack.Engine != config.EnginePacker {
		text = fmt.Sprintf("%s; its state still holds %s", text, words.Count(st.Resources, "resource"))
	}
	return text
}
