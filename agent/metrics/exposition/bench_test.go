package exposition_test

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/metrics/exposition"
	"sallyport/agent/status"
	"sallyport/store"
)

// BenchmarkScrape is what one scrape costs an agent with 10,000 runs of 200 stacks, 200 of them open.
func BenchmarkScrape(b *testing.B) {
	s, err := store.Open(store.Options{Path: filepath.Join(b.TempDir(), "sallyport.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	p := &status.Process{Repositories: []status.Repository{{Name: "infra"}}}
	for i := range 200 {
		p.Stacks = append(p.Stacks, status.Stack{
			Name: fmt.Sprintf("stack-%d", i), Repository: "infra", Counted: func(*store.Run) int { return 0 }, WaitsFor: func(*store.Run) []string { return nil },
		})
	}
	e := exposition.New(exposition.Options{Store: s, Redact: func(s string) string { return s }})
	for range 50 {
		err := s.Update(func(tx *store.Tx) error {
			for _, stack := range p.Stacks {
				r := &store.Run{Stack: stack.Name, Repository: "infra", Kind: store.KindCommit, Commit: strings.Repeat("a", 40)}
				st, err := tx.Stack(stack.Name)
				if err != nil {
					return err
				}
				if st.OpenRun != 0 {
					if _, err := tx.Transition(st.OpenRun, store.Move{From: store.Pending, To: store.Superseded}, nil); err != nil {
						return err
					}
				}
				if err := tx.CreateRun(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		var f exposition.Facts
		err := s.View(func(tx *store.Tx) (err error) {
			if f, err = exposition.Read(tx, p); err != nil {
				return err
			}
			return e.Count(tx, f)
		})
		if err != nil {
			b.Fatal(err)
		}
		g, err := e.Gatherer(f)
		if err != nil {
			b.Fatal(err)
		}
		if err := exposition.Write(io.Discard, g); err != nil {
			b.Fatal(err)
		}
	}
}
