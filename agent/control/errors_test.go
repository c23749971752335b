package control

import (
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/archive"
	"sallyport/agent/hint"
	"sallyport/store"
)

// What the archive says of a stack or a copy that is not there crosses the socket as what it is.
func TestKindsOfErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want Error
	}{
		"of control":      {fmt.Errorf("asking: %w", NoLog(3, store.Planned)), *NoLog(3, store.Planned)},
		"not there":       {archive.ErrNotFound, Error{Kind: NotFound, Message: "not found"}},
		"several of them": {hint.With(archive.ErrConflict, "use a name"), Error{Kind: Conflict, Message: "conflict", Hint: "use a name"}},
		"anything else":   {hint.With(io.ErrUnexpectedEOF, "try again"), Error{Kind: Internal, Message: "unexpected EOF", Hint: "try again"}},
	} {
		if diff := cmp.Diff(tt.want, *AsError(tt.err)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
