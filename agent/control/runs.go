package control

import "sallyport/store"

// RunsIn lists runs of a store, newest first, as q asks. A stack without runs has none if it has a record or stands in the
// configuration; else the error is [NoStack].
func RunsIn(s *store.Store, q RunsQuery, configured []string) ([]Run, error) {
	out := []Run{}
	err := s.View(func(tx *store.Tx) error {
		runs, err := tx.Runs(store.RunFilter{Stack: q.Stack, Limit: q.Limit})
		for _, r := range runs {
			out = append(out, RunOf(r))
		}
		if err != nil || len(out) > 0 || q.Stack == "" {
			return err
		}
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		return KnownStack(q.Stack, stacks, configured)
	})
	return out, err
}
