package store

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Move is one transition of a run, and who or what caused it.
type Move struct {
	From, To Status
	By       string // slack:ID, cli:USER, policy:NAME; empty for the agent itself
	Text     string // why, for people
}

// A RunFilter says which runs are wanted. The zero filter wants all.
type RunFilter struct {
	Stack  string // only this stack's, of every kind
	Limit  int    // at most so many; 0 for no limit
	Before int    // only ids below; 0 for no bound
}

func runKey(key []byte, r *Run) bool { return bytes.Equal(key, number(r.ID)) }

// Run returns a run, or ErrNotFound.
func (tx *Tx) Run(id int) (*Run, error) {
	r, err := read(tx, bucketRuns, number(id), runKey)
	if err != nil {
		return nil, fmt.Errorf("reading run #%d: %w", id, err)
	}
	if r == nil {
		return nil, fmt.Errorf("run #%d: %w", id, ErrNotFound)
	}
	return r, nil
}

// RunStatus returns where a run stands without decoding all of it, or ErrNotFound. A plan of 10,000 resources is megabytes.
func (tx *Tx) RunStatus(id int) (Status, error) {
	head, err := HeadOf(tx, id)
	return head.Status, err
}

// A RunHead is which run it is and where it stands. It is read without decoding the run.
type RunHead struct {
	ID     int
	Stack  string
	Kind   Kind
	Status Status
}

// HeadOf returns the head of a run, or ErrNotFound.
func HeadOf(tx *Tx, id int) (RunHead, error) {
	payload, err := tx.payload(bucketRuns, number(id))
	if err != nil {
		return RunHead{}, fmt.Errorf("reading run #%d: %w", id, err)
	}
	if head, ok := headOf(payload); ok && head.ID == id {
		return RunHead(head), nil
	}
	r, err := tx.Run(id)
	if err != nil {
		return RunHead{}, err
	}
	return RunHead{ID: r.ID, Stack: r.Stack, Kind: r.Kind, Status: r.Status}, nil
}

// OpenHeads returns the heads of all runs that have not ended, previews too, oldest first.
func OpenHeads(tx *Tx) ([]RunHead, error) {
	ids, err := tx.OpenRunIDs()
	if err != nil {
		return nil, err
	}
	out := make([]RunHead, 0, len(ids))
	for _, id := range ids {
		head, err := HeadOf(tx, id)
		if errors.Is(err, ErrNotFound) {
			err = &DamagedError{Bucket: bucketOpen, Key: strconv.Itoa(id), Err: errors.New("there is no such run")}
		}
		if err != nil {
			return nil, fmt.Errorf("reading open runs: %w", err)
		}
		out = append(out, head)
	}
	return out, nil
}

// OpenRunIDs returns the numbers of all runs that have not ended, previews too, oldest first, without reading the runs.
func (tx *Tx) OpenRunIDs() ([]int, error) {
	var out []int
	err := tx.walk(bucketOpen, span{}, func(key, _ []byte) error {
		id, err := numberOf(key)
		if err != nil {
			return &DamagedError{Bucket: bucketOpen, Key: keyText(bucketOpen, key), Err: err}
		}
		out = append(out, int(id))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading which runs are open: %w", err)
	}
	return out, nil
}

// OpenRuns returns all runs that have not ended, previews too, oldest first.
func (tx *Tx) OpenRuns() ([]*Run, error) {
	var out []*Run
	err := tx.walk(bucketOpen, span{}, func(key, _ []byte) error {
		r, err := tx.indexed(bucketOpen, key)
		if err != nil {
			return err
		}
		if r.Status.Terminal() {
			return &DamagedError{Bucket: bucketOpen, Key: keyText(bucketOpen, key), Err: fmt.Errorf("the run is %s", r.Status)}
		}
		out = append(out, r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading open runs: %w", err)
	}
	return out, nil
}

// Runs returns runs newest first. Neither a stack nor a limit makes it read more than it returns.
func (tx *Tx) Runs(f RunFilter) ([]*Run, error) {
	s := span{before: newest()}
	if f.Before > 0 {
		s.before = number(f.Before)
	}
	var out []*Run
	take := func(r *Run, err error) error {
		if err != nil {
			return err
		}
		out = append(out, r)
		if len(out) == f.Limit {
			return errStop
		}
		return nil
	}
	var err error
	if f.Stack == "" {
		err = tx.walk(bucketRuns, s, func(key, payload []byte) error {
			return take(decode(bucketRuns, key, payload, runKey))
		})
	} else {
		s.prefix = namePrefix(f.Stack)
		err = tx.walk(bucketStackRuns, s, func(key, _ []byte) error {
			return take(tx.indexed(bucketStackRuns, key))
		})
	}
	if err != nil {
		return nil, fmt.Errorf("reading runs: %w", err)
	}
	return out, nil
}

// indexed reads the run that an index's key ends with. A run that is missing is damage: both are written together.
func (tx *Tx) indexed(bucket string, key []byte) (*Run, error) {
	id, err := numberOf(key)
	if err != nil {
		return nil, &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: err}
	}
	r, err := read(tx, bucketRuns, number(id), runKey)
	if err == nil && r == nil {
		err = &DamagedError{Bucket: bucket, Key: keyText(bucket, key), Err: errors.New("there is no such run")}
	}
	return r, err
}

// CreateRun stores a new run and fills in its ID, Status, CreatedAt and UpdatedAt. The ID must be zero, the status
// empty or pending, stack and kind given. ErrOpenRun if the stack has an open run that can apply; the kind pull_request
// neither meets that nor changes the stack's state. The history gets a transition from "" to pending, by RequestedBy.
func (tx *Tx) CreateRun(r *Run) error {
	if err := validNew(r); err != nil {
		return fmt.Errorf("creating run: %w", err)
	}
	st, err := tx.Stack(r.Stack)
	if err != nil {
		return fmt.Errorf("creating run: %w", err)
	}
	if r.Kind != KindPullRequest && st.OpenRun != 0 {
		return fmt.Errorf("creating run: %w", &OpenRunError{Stack: r.Stack, ID: st.OpenRun})
	}
	id, err := tx.next(bucketRuns)
	if err != nil {
		return fmt.Errorf("creating run: %w", err)
	}
	r.ID, r.Status, r.CreatedAt, r.UpdatedAt = int(id), Pending, tx.now, tx.now
	if err := tx.created(r, st); err != nil {
		return tx.fail(fmt.Errorf("creating run #%d: %w", r.ID, err))
	}
	return nil
}

// created writes a new run and everything that is derived from it.
func (tx *Tx) created(r *Run, st *StackState) error {
	if err := tx.save(bucketRuns, number(r.ID), r); err != nil {
		return err
	}
	if err := tx.put(bucketStackRuns, nameAndNumber(r.Stack, r.ID), nil); err != nil {
		return err
	}
	if err := tx.put(bucketOpen, number(r.ID), []byte(r.Stack)); err != nil {
		return err
	}
	if r.Kind != KindPullRequest {
		st.OpenRun, st.NewestRun = r.ID, r.ID
		if r.Kind == KindCommit {
			st.LastCommitRun, st.LastCommitCommit = r.ID, r.Commit
		}
		if st.Repository == "" {
			st.Repository = r.Repository
		}
		if err := tx.saveStack(st); err != nil {
			return err
		}
	}
	return tx.AddEvent(Event{Type: eventTransition, Run: r.ID, Stack: r.Stack, To: Pending, By: r.RequestedBy, Text: r.Reason})
}

func validNew(r *Run) error {
	switch {
	case r == nil:
		return errors.New("no run given")
	case r.ID != 0:
		return fmt.Errorf("the run has a number already: #%d", r.ID)
	case r.Status != "" && r.Status != Pending:
		return fmt.Errorf("a run cannot begin as %s", r.Status)
	}
	switch r.Kind {
	case KindCommit, KindManual, KindDrift, KindPullRequest, KindRecovery, KindDependency, KindSchedule:
		return validName("stack", r.Stack)
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
}

// validName refuses names that cannot be keys.
func validName(what, name string) error {
	if name == "" {
		return fmt.Errorf("the %s has no name", what)
	}
	if len(name) > 1024 || strings.IndexByte(name, sep) >= 0 {
		return fmt.Errorf("the name of the %s is too long or holds a zero byte", what)
	}
	return nil
}

// Transition moves a run and returns it as it is afterwards: ErrConflict if its status is not m.From, ErrNotAllowed if
// the table has no such way. It sets Status and UpdatedAt, PlannedAt on the way to planned, EndedAt at the end; it clears
// Held and NotBefore, and the Hint if that was about Held; then it calls change, if not nil, with the run as it will be
// stored. change may set all but the status and what a run is (ID, Stack, Kind, CreatedAt); its error undoes the move.
// The stack's OpenRun is cleared when the run ends. The history gets a transition.
func (tx *Tx) Transition(id int, m Move, change func(*Run) error) (*Run, error) {
	r, err := tx.Run(id)
	if err != nil {
		return nil, err
	}
	if r.Status != m.From {
		return nil, &ConflictError{ID: id, Want: m.From, Have: r.Status}
	}
	if !Allowed(m.From, m.To) {
		return nil, &NotAllowedError{ID: id, From: m.From, To: m.To}
	}
	r.move(m.To, tx.now)
	if err := tx.changed(r, change); err != nil {
		return nil, err
	}
	if m.To.Terminal() {
		if err := tx.ended(r); err != nil {
			return nil, tx.fail(fmt.Errorf("ending run #%d: %w", id, err))
		}
	}
	err = tx.AddEvent(Event{Type: eventTransition, Run: id, Stack: r.Stack, From: m.From, To: m.To, By: m.By, Text: m.Text})
	if err != nil {
		return nil, tx.fail(err)
	}
	return r, nil
}

// move is what every transition does to the run itself.
func (r *Run) move(to Status, now time.Time) {
	r.Status, r.UpdatedAt = to, now
	if r.Held != "" && r.Error == "" {
		r.Hint = "" // it was about Held
	}
	r.Held, r.HeldAt, r.NotBefore = "", time.Time{}, time.Time{}
	switch {
	case to == Planned && r.PlannedAt.IsZero():
		r.PlannedAt = now
	case to.Terminal():
		r.EndedAt = now
	}
}

// ended takes a run out of the index of open runs and lets its stack have another one.
func (tx *Tx) ended(r *Run) error {
	if err := tx.remove(bucketOpen, number(r.ID)); err != nil {
		return err
	}
	if r.Kind == KindPullRequest {
		return nil
	}
	st, err := tx.Stack(r.Stack)
	if err != nil {
		return err
	}
	if st.OpenRun != r.ID {
		return nil
	}
	st.OpenRun = 0
	return tx.saveStack(st)
}

// ChangeRun changes a run without moving it, and returns it as it is afterwards. UpdatedAt is set before change is
// called. Changing the status, or what a run is (ID, Stack, Kind, CreatedAt), is an error. Ended runs may be changed: their
// card still gets edited.
func (tx *Tx) ChangeRun(id int, change func(*Run) error) (*Run, error) {
	r, err := tx.Run(id)
	if err != nil {
		return nil, err
	}
	r.UpdatedAt = tx.now
	if err := tx.changed(r, change); err != nil {
		return nil, err
	}
	return r, nil
}

// changed applies a caller's change to a run and stores it. The error of change comes back as it is.
func (tx *Tx) changed(r *Run, change func(*Run) error) error {
	if change != nil {
		was := *r
		if err := change(r); err != nil {
			return err
		}
		if r.Status != was.Status {
			return fmt.Errorf("changing run #%d: its status may change by a transition only, not from %s to %s", was.ID, was.Status, r.Status)
		}
		if r.ID != was.ID || r.Stack != was.Stack || r.Kind != was.Kind || !r.CreatedAt.Equal(was.CreatedAt) {
			return fmt.Errorf("changing run #%d: id, stack, kind and time of creation are for good", was.ID)
		}
	}
	if err := tx.save(bucketRuns, number(r.ID), r); err != nil {
		return fmt.Errorf("changing run #%d: %w", r.ID, err)
	}
	return nil
}
