package control

import (
	"errors"
	"strconv"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// ResolveRef finds the run that a person means: `12`, `#12`, or the name of a stack with exactly one open run. Open are
// the runs that have not ended. A number is taken as it is; whether such a run exists is for the caller to see.
// Directories are called 12 too: where another run of a stack of that name is open, a bare number is refused, since it
// could approve the wrong one.
func ResolveRef(ref string, open []*store.Run) (int, error) {
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
		return 0, Errorf(NotFound, "no open run of a stack %q", ref).
			WithHint("sallyport runs %s lists those that ended; sallyport plan %s starts one", ref, ref)
	default:
		return 0, Errorf(Conflict, "stack %s has %d open runs: %s", ref, len(all), numbers(all)).
			WithHint("name one by its number")
	}
}

// openNow names runs that are open, so that nobody reads an example for one.
func openNow(open []*store.Run) string {
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

// FindRun turns what a person calls a run into the run; see [ResolveRef].
func FindRun(st *store.Store, ref string) (run *store.Run, err error) {
	err = st.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		id, err := ResolveRef(ref, open)
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
