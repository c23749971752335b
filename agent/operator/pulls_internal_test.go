package operator

import (
	"path/filepath"
	"testing"
	"time"

	"sallyport/store"
)

// TestPreviewsAreBounded: whoever pushes a hundred heads an hour does not get a hundred plans, and nobody waits for ever.
func TestPreviewsAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	st, err := store.Open(store.Options{Path: filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	o := &Operator{now: func() time.Time { return now }}
	begin := func(n int) (ok bool) {
		t.Helper()
		if err := st.Update(func(tx *store.Tx) (err error) {
			ok, err = o.MayBegin(tx, "infra", n)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for _, step := range []struct {
		name  string
		after time.Duration
		n     int
		want  bool
	}{
		{"a few", 0, 10, true},
		{"as many as there may be", time.Minute, maxPreviews - 10, true},
		{"one more", time.Minute, 1, false},
		{"a pull request without stacks costs nothing", 0, 0, true},
		{"when the first are an hour old", time.Hour - time.Minute, 10, true},
		{"and not more", 0, 1, false},
		{"more than an hour's worth, which would never fit", 2 * time.Hour, maxPreviews + 40, true},
		{"after that, nothing", 0, 1, false},
		{"a clock that was put back", -24 * time.Hour, 5, true},
	} {
		now = now.Add(step.after)
		if got := begin(step.n); got != step.want {
			t.Errorf("%s: got %t", step.name, got)
		}
	}
}
