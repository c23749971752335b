package hint_test

import (
	"errors"
	"fmt"
	"testing"

	"sallyport/agent/hint"
)

func TestOf(t *testing.T) {
	plain := errors.New("the disk is full")
	hinted := hint.With(plain, "free %d MB", 5)
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"no error", nil, ""},
		{"an error that says nothing", plain, ""},
		{"one that does", hinted, "free 5 MB"},
		{"wrapped", fmt.Errorf("planning: %w", hinted), "free 5 MB"},
		{"the second of two that are joined", errors.Join(plain, hinted), "free 5 MB"},
		{"the outer one knows better", hint.With(fmt.Errorf("planning: %w", hinted), "wait"), "wait"},
		{"the outer one has nothing to say", hint.With(fmt.Errorf("planning: %w", hinted), ""), "free 5 MB"},
		{"a refusal", fmt.Errorf("asking: %w", hint.Refuse("look again", "#%d is applying", 3)), "look again"},
		{"a refusal without a way out", hint.Refuse("", "#%d is applying", 3), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := hint.Of(test.err); got != test.want {
				t.Errorf("the hint is %q, want %q", got, test.want)
			}
		})
	}
}

// What was wrapped with a hint can still be told apart, and reads as it did.
func TestWithKeepsTheError(t *testing.T) {
	cause := errors.New("the disk is full")
	err := hint.With(cause, "free some")
	if !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Errorf("the error became %v", err)
	}
	var refusal *hint.Refusal
	if err := hint.Refuse("wait", "not %s", "now"); !errors.As(err, &refusal) || refusal.Why != "not now" || refusal.Hint != "wait" {
		t.Errorf("the refusal became %+v", refusal)
	}
}
