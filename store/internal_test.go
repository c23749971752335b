package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	bolterrors "go.etcd.io/bbolt/errors"

	"sallyport/store/stamp"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want error // beside ErrFull; nil if it is not about room
	}{
		{"nothing", nil, nil},
		{"something else", io.ErrUnexpectedEOF, nil},
		{"writing a page", fmt.Errorf("a: %w", &os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}), syscall.ENOSPC},
		{"quota", &os.PathError{Op: "write", Path: "/x", Err: syscall.EDQUOT}, syscall.EDQUOT},
		{"limit", fmt.Errorf("a: %w", bolterrors.ErrMaxSizeReached), bolterrors.ErrMaxSizeReached},
		{"growing, as bbolt says it", errors.New("file resize error: truncate /x: no space left on device"), syscall.ENOSPC},
		{"syncing, as bbolt says it", errors.New("file sync error: sync /x: disk quota exceeded"), syscall.EDQUOT},
		{"a file limit, as bbolt says it", errors.New("file resize error: truncate /x: file too large"), syscall.EFBIG},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := explain(explain(tt.err)) // twice is once
			if errors.Is(got, ErrFull) != (tt.want != nil) || !errors.Is(got, tt.want) && tt.want != nil {
				t.Errorf("it says %v", got)
			}
			if tt.want == nil && got != tt.err { //nolint:errorlint // it must be the very same
				t.Errorf("it made %v of %v", got, tt.err)
			}
		})
	}
}

func TestLockedByUnknown(t *testing.T) {
	if e := lockedBy("/does/not/exist"); e.PID != 0 || e.Error() != "/does/not/exist is in use by another process" {
		t.Errorf("error is %v", e)
	}
}

// TestNormalise: a time anywhere in a run is cut, also in what a later version adds.
func TestNormalise(t *testing.T) {
	at := time.Date(2026, 3, 1, 13, 0, 0, 1_234_567, time.FixedZone("here", 3600))
	want := time.Date(2026, 3, 1, 12, 0, 0, 1_000_000, time.UTC)
	r := &Run{ExpiresAt: at, Decisions: []Decision{{At: at}}, Apply: &Apply{StartedAt: at}, Warnings: []string{"a"}}
	stamp.All(r)
	for _, got := range []time.Time{r.ExpiresAt, r.Decisions[0].At, r.Apply.StartedAt} {
		if got != want { //nolint:staticcheck // also the location counts: what is read back has UTC
			t.Errorf("time is %v", got)
		}
	}
	if !r.EndedAt.IsZero() || r.EndedAt != (time.Time{}) {
		t.Errorf("an unset time became %v", r.EndedAt)
	}
	var nothing *Run
	stamp.All(nothing)
}
