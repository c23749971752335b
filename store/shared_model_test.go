package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"sallyport/store"
)

// A pair is a leader's store, driven like any other, and one that follows it.
type pair struct {
	*model
	follower *store.Store
	log      [][]byte // what was recorded
	applied  int      // so much of it by the follower
}

// TestFollowerSaysTheSame does random things to a leader's store, and lets another one repeat them.
func TestFollowerSaysTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		p := &pair{model: &model{
			path: filepath.Join(dir, strconv.Itoa(n)), clock: newClock(), open: map[string]int{}, newest: map[string]int{},
		}}
		p.opener = p.lead
		p.reopen(t)
		var err error
		if p.follower, err = store.Open(store.Options{Path: p.path + ".follower", Fenced: true}); err == nil {
			err = p.follower.Load(bytes.NewReader(dump(t, p.store)))
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Repeat(rapid.StateMachineActions(p))
		p.Follow(t)
		err = errors.Join(p.store.Close(), p.follower.Close(), store.Check(p.path), store.Check(p.path+".follower"), os.Remove(p.path), os.Remove(p.path+".follower"))
		if err != nil {
			t.Fatal(err)
		}
	})
}

// lead opens the leader's store.
func (p *pair) lead(o store.Options) (*store.Store, error) {
	o.Fenced = true
	s, err := store.Open(o)
	if err != nil {
		return nil, err
	}
	head, err := s.Head()
	if err == nil && head.Life == "" {
		_, err = s.Found()
	}
	if err == nil {
		err = s.Replicate(store.Leader{Term: 7, Record: func(entry []byte, _ store.Head) error {
			p.log = append(p.log, slices.Clone(entry))
			return nil
		}})
	}
	return s, err
}

// Follow lets the follower catch up. What says something else than the next entry is refused, and changes nothing.
func (p *pair) Follow(t *rapid.T) {
	before := dump(t, p.follower)
	for kind, entry := range p.forged(t) {
		if err := p.follower.Apply(entry); err == nil {
			t.Fatalf("an entry that was %s was applied", kind)
		}
	}
	if !bytes.Equal(before, dump(t, p.follower)) {
		t.Fatal("what was refused changed something")
	}
	for ; p.applied < len(p.log); p.applied++ {
		if err := p.follower.Apply(p.log[p.applied]); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(dump(t, p.store), dump(t, p.follower)) {
		t.Fatal("leader and follower say different things")
	}
}

// forged are entries that do not follow.
func (p *pair) forged(t *rapid.T) map[string][]byte {
	out := map[string][]byte{}
	if p.applied > 0 {
		out["applied before"] = p.log[rapid.IntRange(0, p.applied-1).Draw(t, "repeated")]
	}
	if p.applied+1 < len(p.log) {
		out["after one that is missing"] = p.log[rapid.IntRange(p.applied+1, len(p.log)-1).Draw(t, "skipped")]
	}
	if p.applied < len(p.log) {
		entry := p.log[p.applied]
		out["cut"] = entry[:rapid.IntRange(0, len(entry)-1).Draw(t, "cut")]
		changed := slices.Clone(entry)
		changed[rapid.IntRange(0, len(entry)-1).Draw(t, "changed")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		out["changed"] = changed
		out["longer"] = append(slices.Clone(entry), 0)
	}
	return out
}

// Check is left to TestModel: here it counts what the two stores say.
func (p *pair) Check(*rapid.T) {}

// SkipNumbers is what a restored store does.
func (p *pair) SkipNumbers(t *rapid.T) {
	if err := p.store.Update(func(tx *store.Tx) error { return tx.SkipRuns(0) }); err != nil {
		t.Fatal(err)
	}
}

func dump(t fataler, s *store.Store) []byte {
	var b bytes.Buffer
	if _, err := s.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type fataler interface{ Fatal(args ...any) }
