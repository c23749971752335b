package announce

import (
	"fmt"
	"testing"
	"time"
)

// The first five stacks of a channel that drift within an hour have messages of their own, however often each is told; those of other
// channels and of longer ago do not count, whichever way the clock was put.
func TestLately(t *testing.T) {
	now := time.Date(2026, 3, 1, 4, 10, 0, 0, time.UTC)
	of := func(stack, channel string, ago time.Duration) drifted {
		return drifted{Stack: stack, Channel: channel, At: now.Add(-ago)}
	}
	many := func(n int, ago time.Duration) (all []drifted) {
		for i := range n {
			all = append(all, of(fmt.Sprint("s", i), "C1", ago))
		}
		return all
	}
	for name, tc := range map[string]struct {
		kept   []drifted
		here   int
		stacks int
	}{
		"none":                   {nil, 0, 0},
		"five":                   {many(5, time.Minute), 5, 5},
		"six":                    {many(6, 59*time.Minute), 6, 6},
		"one again and again":    {append(many(1, time.Minute), append(many(1, 2*time.Minute), many(1, 3*time.Minute)...)...), 3, 1},
		"an hour ago":            {many(6, time.Hour), 0, 0},
		"the clock was put back": {many(6, -2*time.Hour), 0, 0},
		"of another channel":     {[]drifted{of("a", "C1", 0), of("b", "C2", 0)}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if here, stacks := inChannel(lately(tc.kept, now), "C1"); len(here) != tc.here || stacks != tc.stacks {
				t.Errorf("%d of %d stacks, want %d of %d", len(here), stacks, tc.here, tc.stacks)
			}
		})
	}
}
