package sim

import (
	"flag"
	"runtime/debug"
	"syscall"
	"testing"
	"time"
)

var (
	long = flag.Bool("long", false, "play 1,000 seeds in the place of 20")
	one  = flag.Uint64("seed", 0, "play this seed alone, and show its diary")
	from = flag.Uint64("from", 1, "the first seed")
	to   = flag.Uint64("to", 0, "the last seed; 0: as many as there are to be played")
	// trouble is how long things happen in a story.
	trouble = flag.Duration("trouble", 30*time.Minute, "how long the outside misbehaves in a seed, by the seed's own clock")
)

// TestSeeds plays stories. Each is a seed: -seed plays it again.
func TestSeeds(t *testing.T) {
	first, last := *from, *from+19
	switch {
	case *one != 0:
		first, last = *one, *one
	case *long:
		last = *from + 999
	case testing.Short():
		last = *from + 1
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // what a seed leaves is small
	if *to != 0 {
		last = *to
	}
	began := spent(t)
	var total ending
	for seed := first; seed <= last; seed++ {
		end := tell(t, seed, sabotage(""))
		total.lasted += end.lasted
		total.applies += end.applies
		total.lives += end.lives
		total.runs += end.runs
		if *one != 0 {
			t.Logf("the diary:\n%s", end.diary)
		}
		if len(end.broken) > 0 {
			t.Fatalf("seed %d: %s\ngo test ./agent/sim -run TestSeeds -seed %d -trouble %s\n%s", seed, end.broken, seed, *trouble, tail(end.diary))
		}
	}
	cpu := spent(t) - began
	t.Logf("%d seeds, %.1f days, %d lives, %d runs, %d applies; %.0f simulated days in a minute of the processor",
		last-first+1, total.lasted.Hours()/24, total.lives, total.runs, total.applies, total.lasted.Hours()/24/cpu.Minutes())
}

// tail is the end of a diary.
func tail(diary string) string { return diary[max(0, len(diary)-12_000):] }

// spent is the processor's time that this process has taken.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
