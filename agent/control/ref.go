package control

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// ResolveRef finds the run that a person means: `12`, `#12`, or the name of a stack with exactly one open run. Open are
// the runs that have not ended. A number is taken as it is; whether such a run exists is for the caller to see.
// Directories are called 12 too: where another run of a stack of that name is open, a bare number is refused, since it
// could approve the wrong one.
func ResolveRef(ref string, open []store.RunHead) (int, error) {
	ref = strings.TrimSpace(ref)
	if id, err := strconv.Atoi(strings.TrimPrefix(ref, "#")); err == nil {
		if id < 1 {
			return 0, Errorf(Usage, "%q is not a run", ref).WithHint("runs are numbered from 1; sallyport runs lists them")
		}
		for _, r := range open {
			if r.Stack == ref && r.ID != id {
				return 0, Errorf(Conflict, "%s is the number of a run and the name of a stack, which has run #%d open", ref, r.ID).
					WithHint("write #%d or #%d", id, r.ID)
			}
		}
		return id, nil
	}
	if ref == "" || strings.HasPrefix(ref, "#") {
		return 0, Errorf(Usage, "%q is not a run", ref).WithHint("a run is its number, or a stack with one open run%s", openNow(open))
	}
	var decidable, all []int
	for _, r := range open {
		if r.Stack != ref {
			continue
		}
		all = append(all, r.ID)
		if r.Kind != store.KindPullRequest {
			decidable = append(decidable, r.ID)
		}
	}
	// A preview of a pull request can be looked at only: it must not make `approve ghe` ambiguous.
	if len(decidable) > 0 {
		all = decidable
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return 0, NoOpenRun(ref)
	default:
		return 0, Errorf(Conflict, "stack %s has %d open runs: %s", ref, len(all), numbers(all)).
			WithHint("name one by its number")
	}
}

// openNow names runs that are open, so that nobody reads an example for one.
func openNow(open []store.RunHead) string {
	if len(open) == 0 {
		return "; none is open now"
	}
	var names []string
	for _, r := range open {
		names = append(names, "#"+strconv.Itoa(r.ID)+" "+r.Stack)
	}
	return "; open now: " + words.List(names, shownStacks)
}

func numbers(ids []int) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = "#" + strconv.Itoa(id)
	}
	return strings.Join(out, ", ")
}

// NoOpenRun is the error for a stack's name that was to mean its open run.
func NoOpenRun(stack string) *Error {
	return Errorf(NotFound, "no open run of a stack %q", stack).
		WithHint("sallyport runs %s lists those that ended; sallyport plan %s starts one", stack, stack)
}

// unheardOf gives the refusal of a name that no stack ever had those that there are: neither its runs nor a plan of it help then. Any
// other stays as it is.
func unheardOf(tx *store.Tx, ref string, refusal error) error {
	var told *Error
	if !errors.As(refusal, &told) || told.Kind != NotFound || Numbered(ref) {
		return refusal
	}
	known, err := tx.Stacks()
	if err != nil {
		return err
	}
	ref = strings.TrimSpace(ref)
	var stacks []string
	for _, st := range known {
		if st.Name == ref || slices.Contains(st.Formerly, ref) {
			return refusal
		}
		stacks = append(stacks, st.Name)
	}
	next := NoStack(ref, stacks).Hint
	if next == "" {
		next = "none of any stack was seen yet; sallyport status"
	}
	return Errorf(NotFound, "no open run of a stack %q, and none was ever seen of that name", ref).WithHint("%s", next)
}

// FindShown is [FindRun] for whoever only looks: the name of a stack that has no open run means its newest one.
func FindShown(st *store.Store, ref string) (*store.Run, error) {
	run, none := FindRun(st, ref)
	var told *Error
	if none == nil || !errors.As(none, &told) || told.Kind != NotFound || Numbered(ref) {
		return run, none
	}
	err := st.View(func(tx *store.Tx) error {
		names, err := namesOf(tx, strings.TrimSpace(ref))
		if err != nil {
			return err
		}
		for _, name := range names {
			runs, err := tx.Runs(store.RunFilter{Stack: name, Limit: newestRuns})
			if err != nil {
				return err
			}
			for _, r := range runs {
				if newer := run == nil || r.ID > run.ID; newer && r.Kind != store.KindPullRequest {
					run = r
				}
			}
		}
		return nil
	})
	if err == nil && run == nil {
		err = none
	}
	return run, err
}

// newestRuns is among how many runs of a stack the newest is looked for that is no preview.
const newestRuns = 50

// Numbered reports whether a run was called by its number, 12 or #12, and not by the name of its stack.
func Numbered(ref string) bool {
	_, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(ref), "#"))
	return err == nil
}

// FindRun turns what a person calls a run into the run; see [ResolveRef]. Of the other open runs no more is read than which they are.
func FindRun(st *store.Store, ref string) (run *store.Run, err error) {
	err = st.View(func(tx *store.Tx) error {
		id, err := resolveIn(tx, ref)
		if err != nil {
			return err
		}
		run, err = tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			return NoRun(tx, id)
		}
		return err
	})
	return run, err
}

// FindHead is [FindShown] for whoever needs to know only which run it is and where it stands: a plan of 10,000 changes is megabytes.
func FindHead(st *store.Store, ref string) (head store.RunHead, err error) {
	err = st.View(func(tx *store.Tx) error {
		id, err := resolveIn(tx, ref)
		if err == nil {
			head, err = store.HeadOf(tx, id)
		}
		return err
	})
	if err == nil {
		return head, nil
	}
	run, err := FindShown(st, ref) // which tells what is wrong, too
	if err != nil {
		return store.RunHead{}, err
	}
	return store.RunHead{ID: run.ID, Stack: run.Stack, Kind: run.Kind, Status: run.Status}, nil
}

// resolveIn finds the number of the run that a person means.
func resolveIn(tx *store.Tx, ref string) (int, error) {
	open, err := store.OpenHeads(tx)
	if err != nil {
		return 0, err
	}
	id, err := ResolveRef(ref, open)
	if err != nil {
		return 0, unheardOf(tx, ref, err)
	}
	return id, nil
}
