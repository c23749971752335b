package control

import (
	"slices"

	"sallyport/store"
)

// Shown says how runs are shown, and of which stacks.
type Shown struct {
	Stacks []string             // that stand in the configuration, where it is known
	Run    func(*store.Run) Run // default [RunOf]
}

// RunsIn lists runs of a store, newest first, as q asks: of a stack also those that it had under names of before. A stack without
// runs has none if it has a record or stands in the configuration; else the error is [NoStack].
func RunsIn(s *store.Store, q RunsQuery, o Shown) ([]Run, error) {
	out := []Run{}
	if o.Run == nil {
		o.Run = RunOf
	}
	err := s.View(func(tx *store.Tx) error {
		names, err := namesOf(tx, q.Stack)
		if err != nil {
			return err
		}
		for _, name := range names {
			runs, err := tx.Runs(store.RunFilter{Stack: name, Limit: q.Limit, Before: q.Before})
			if err != nil {
				return err
			}
			for _, r := range runs {
				out = append(out, o.Run(r))
			}
		}
		if len(names) > 1 {
			slices.SortFunc(out, func(a, b Run) int { return b.ID - a.ID })
			if q.Limit > 0 {
				out = out[:min(len(out), q.Limit)]
			}
		}
		if len(out) > 0 || q.Stack == "" || q.Before > 0 {
			return nil
		}
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		return KnownStack(q.Stack, stacks, o.Stacks)
	})
	return out, err
}

// namesOf are a stack's name and those that it had before. No name stands for all runs.
func namesOf(tx *store.Tx, stack string) ([]string, error) {
	if stack == "" {
		return []string{""}, nil
	}
	st, err := tx.Stack(stack)
	if err != nil {
		return nil, err
	}
	return append([]string{stack}, st.Formerly...), nil
}
