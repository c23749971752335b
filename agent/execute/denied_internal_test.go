package execute

import (
	"path/filepath"
	"testing"

	"sallyport/store"
)

// Whoever decides is told of the denial of the same changes, and of no other.
func TestDeniedBefore(t *testing.T) {
	creates := func(values string) *store.Plan {
		return &store.Plan{Digest: "d", Changes: []store.Change{{Address: "a.b", Actions: []string{"create"}, Values: values}}}
	}
	deny := func(plan *store.Plan) store.Run {
		return store.Run{Status: store.Discarded, Plan: plan, Error: "denied by slack:U1: wait for monday"}
	}
	const told = "#1 with the same changes was denied by slack:U1: wait for monday"
	for name, c := range map[string]struct {
		before []store.Run
		plan   *store.Plan
		want   string
	}{
		"nothing before":       {nil, creates("x"), ""},
		"the same":             {[]store.Run{deny(creates("x"))}, creates("x"), told},
		"one that waited":      {[]store.Run{deny(creates("x")), {Status: store.Superseded, Plan: creates("x")}}, creates("x"), told},
		"other values":         {[]store.Run{deny(creates("y"))}, creates("x"), ""},
		"more changes":         {[]store.Run{deny(&store.Plan{Changes: append(creates("x").Changes, creates("y").Changes...)})}, creates("x"), ""},
		"nothing to change":    {[]store.Run{deny(&store.Plan{Digest: "d"})}, &store.Plan{Digest: "d"}, ""},
		"expired":              {[]store.Run{{Status: store.Expired, Plan: creates("x")}}, creates("x"), ""},
		"something was done":   {[]store.Run{deny(creates("x")), {Status: store.Applied, Plan: creates("y"), Apply: &store.Apply{}}}, creates("x"), ""},
		"it failed before one": {[]store.Run{deny(creates("x")), {Status: store.Errored}}, creates("x"), told},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "sallyport.db")})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Update(func(tx *store.Tx) error {
				for _, run := range c.before {
					made := &store.Run{Stack: "box", Repository: "infra", Kind: store.KindCommit}
					if err := tx.CreateRun(made); err != nil {
						return err
					}
					for from := store.Pending; from != run.Status; {
						to := next(from, run.Status)
						if _, err := tx.Transition(made.ID, store.Move{From: from, To: to}, func(r *store.Run) error {
							if to == run.Status {
								r.Plan, r.Error, r.Apply = run.Plan, run.Error, run.Apply
							}
							return nil
						}); err != nil {
							return err
						}
						from = to
					}
				}
				got, err := deniedBefore(tx, &store.Run{ID: len(c.before) + 1, Stack: "box"}, c.plan)
				if got != c.want {
					t.Errorf("%q, not %q", got, c.want)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// next is the status after one on the way to the end.
func next(from, end store.Status) store.Status {
	way := []store.Status{store.Pending, store.Planning, store.Planned, store.Approved, store.Applying, store.Applied}
	switch {
	case from == store.Planning && end == store.Errored, from == store.Planned && end != store.Applied:
		return end
	}
	for i, s := range way {
		if s == from {
			return way[i+1]
		}
	}
	return end
}
