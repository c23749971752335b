package store_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/store"
)

const (
	benchRuns   = 10_000
	benchStacks = 100
)

// filled10k makes a closed store with 10,000 runs of 100 stacks; the newest of each is open.
func filled10k(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "state.db")
	s, err := store.Open(store.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	plan := &store.Plan{Digest: strings.Repeat("d", 64)}
	for n := range 10 {
		plan.Changes = append(plan.Changes, store.Change{Address: fmt.Sprintf("module.ghe.aws_instance.node[%d]", n), Actions: []string{"update"}, Class: store.ClassConfig})
	}
	for n := 0; n < benchRuns; n += benchStacks {
		update(b, s, func(tx *store.Tx) error {
			for i := range benchStacks {
				r := &store.Run{
					Stack: fmt.Sprintf("stack-%d", i), Kind: store.KindCommit, Commit: strings.Repeat("c", 40), Author: "Jane",
					AuthorEmail: "jane@example.com", Subject: "a commit like others are", Plan: plan,
				}
				if err := tx.CreateRun(r); err != nil {
					return err
				}
				if n+benchStacks == benchRuns {
					continue
				}
				if _, err := tx.Transition(r.ID, store.Move{From: store.Pending, To: store.Superseded}, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkOpen10k is what a restart spends in the store before the agent is ready.
func BenchmarkOpen10k(b *testing.B) {
	path := filled10k(b)
	b.ReportAllocs()
	for b.Loop() {
		s, err := store.Open(store.Options{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		statusReads(b, s)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStatusReads10k is what `status` and the first page of `runs` read.
func BenchmarkStatusReads10k(b *testing.B) {
	s := openAt(b, store.Options{Path: filled10k(b)})
	b.ReportAllocs()
	for b.Loop() {
		statusReads(b, s)
	}
}

func statusReads(b *testing.B, s *store.Store) {
	b.Helper()
	view(b, s, func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		if err != nil {
			return err
		}
		stacks, err := tx.Stacks()
		if err != nil {
			return err
		}
		newest, err := tx.Runs(store.RunFilter{Limit: 20})
		if err != nil {
			return err
		}
		of, err := tx.Runs(store.RunFilter{Stack: "stack-7", Limit: 20})
		if len(open) != benchStacks || len(stacks) != benchStacks || len(newest) != 20 || len(of) != 20 {
			b.Fatalf("%d open runs, %d stacks, %d newest, %d of one stack", len(open), len(stacks), len(newest), len(of))
		}
		return err
	})
}

// BenchmarkCheck10k is what verifying the whole file costs.
func BenchmarkCheck10k(b *testing.B) {
	path := filled10k(b)
	for b.Loop() {
		if err := store.Check(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTransition is one durable step of a run, with its event and a message.
func BenchmarkTransition(b *testing.B) {
	s := openAt(b, store.Options{Path: filled10k(b)})
	b.ReportAllocs()
	from, to := store.Pending, store.Planning
	for b.Loop() {
		update(b, s, func(tx *store.Tx) error {
			if _, err := tx.Transition(benchRuns, store.Move{From: from, To: to}, nil); err != nil {
				return err
			}
			return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: benchRuns, Key: "card"})
		})
		from, to = to, from
	}
}

// BenchmarkNothing is an update that changes nothing, as an idle agent's passes are.
func BenchmarkNothing(b *testing.B) {
	s := openAt(b, store.Options{Path: filepath.Join(b.TempDir(), "state.db")})
	for b.Loop() {
		update(b, s, func(tx *store.Tx) error {
			return tx.PutRepository(&store.RepositoryState{Name: "infra", Head: "c0ffee"})
		})
	}
}
