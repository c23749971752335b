package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sallyport/agent/need"
)

var (
	crashFor     = flag.Duration("crash.for", time.Minute, "how long TestCrash goes on with new seeds")
	crashDiary   = flag.Bool("crash.diary", false, "keep the diary of every script of TestCrash, not only of failing ones")
	crashWithout = flag.String("crash.without", "", "a defence that TestCrash switches off, to see whether chance notices")
	crashSeed    = flag.Uint64("crash.seed", 0, "the seed of TestCrash's first script; 0 takes one from the clock")
)

// TestCrash lets chance disturb the real agent: pushes, people right and wrong, verbs, kills of agent, runner and
// terraform, full disks, bad networks, a bad Slack. What an oracle in terraform's place wrote down and what Slack was told
// must fit together at each moment, and everything must come to rest when the faults stop.
//
// Each seed is a script of steps on a site of its own. A failing seed is run again to leave out steps that do not matter,
// and its diary is kept in a file.
//
//	go test ./agent/e2e -run 'TestCrash$' -v                     one minute, seeds from the clock
//	go test ./agent/e2e -run 'TestCrash$' -v -crash.for=2h -timeout 3h
//	go test ./agent/e2e -run 'TestCrash$' -v -crash.seed=42 -crash.for=1s      one seed
//
// Time is not drawn from the seed: the same seed gives the same steps, and the machine decides what they hit.
func TestCrash(t *testing.T) {
	t.Parallel()
	need.Long(t, "it disturbs an agent for -crash.for, one minute unless told otherwise")
	seed := *crashSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) % 1e9
	}
	for name, value := range map[string]string{"rapid.checks": "1", "rapid.shrinktime": "2m", "rapid.nofailfile": "true"} {
		if f := flag.Lookup(name); f.Value.String() != f.DefValue {
			continue // somebody knows better
		}
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	var sum tally
	seeds, began, small := 0, time.Now(), true
	limit := *crashFor
	if deadline, ok := t.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/3) // the others want to come to their end, too
	}
	for took := time.Duration(0); seeds == 0 || time.Since(began)+took < limit; seeds++ {
		if err := flag.Set("rapid.seed", strconv.FormatUint(seed, 10)); err != nil {
			t.Fatal(err)
		}
		this, start := seed, time.Now()
		ok := t.Run(fmt.Sprint("seed=", this), func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				script := scripts().Draw(rt, "script")
				s := newSite(t, siteOptions{grace: grace, without: *crashWithout})
				defer s.tearDown()
				defer s.leave()
				small = s.small
				s.play(script)
				s.finish()
				sum.add(s.counts)
				if *crashDiary {
					t.Log(keepDiary(t, s, this, script))
				}
				if len(s.broken) > 0 {
					rt.Fatalf("seed %d: %q\nthe diary is in %s", this, s.broken, keepDiary(t, s, this, script))
				}
			})
		})
		if !ok {
			t.Fatalf("seed %d failed; to run it again: -crash.seed=%d -crash.for=1s", this, this)
		}
		took, seed = max(took, time.Since(start)), seed+1
	}
	way := "by a small file system"
	if !small {
		way = "not at all: a small file system can only be mounted by root"
	}
	t.Logf("seeds %d to %d survived: %s; disks were filled %s", seed-uint64(seeds), seed-1, sum, way)
}

// keepDiary writes the diary of a failed site where it outlives the test.
func keepDiary(t *testing.T, s *site, seed uint64, script []turn) string {
	t.Helper()
	file := filepath.Join(os.TempDir(), fmt.Sprintf("sallyport-crash-%d-%d-steps.txt", seed, len(script)))
	if err := os.WriteFile(file, []byte(s.report(fmt.Sprint(seed), script)), 0o600); err != nil {
		t.Error(err)
	}
	return file
}
