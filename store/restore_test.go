package store_test

import (
	"testing"

	"sallyport/store"
)

func TestSkipRuns(t *testing.T) {
	s, _ := open(t)
	create(t, s, "ghe", store.KindPullRequest)
	update(t, s, func(tx *store.Tx) error { return tx.SkipRuns(1000) })
	if r := create(t, s, "ghe", store.KindManual); r.ID != 1002 {
		t.Errorf("the next run is #%d, want #1002", r.ID)
	}
	if err := s.Update(func(tx *store.Tx) error { return tx.SkipRuns(-1) }); err == nil {
		t.Error("run numbers went back")
	}
}
