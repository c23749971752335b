package bench

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestRatio tries the middle of turns, of which one was disturbed.
func TestRatio(t *testing.T) {
	for _, c := range []struct {
		name        string
		own, theirs samples
		want        float64
	}{
		{"one turn", samples{30}, samples{20}, 1.5},
		{"the agent's second turn was disturbed", samples{10, 900, 12}, samples{10, 10, 10}, 1.2},
		{"both of the second turn were", samples{10, 900, 11}, samples{10, 900, 10}, 1},
		{"even", samples{10, 20}, samples{10, 10}, 1.5},
		{"no turn", nil, nil, 0},
		{"an opponent that takes no time", samples{10}, samples{0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ratioOf(c.own, c.theirs); got != c.want {
				t.Errorf("the ratio is %v instead of %v", got, c.want)
			}
		})
	}
}

// TestTable is the whole way of figures into the table, and of a benchmark that failed.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	reached := &row{part: partPoll, what: "poll, ssh", unit: "ms", goal: atMost(0.6)}
	reached.is(0.5).against("git", 20)
	slower := &row{part: partRoots, what: "ten roots", unit: "ms", goal: atMostTimes(1)}
	slower.inTurns(samples{110 * time.Millisecond, 120 * time.Millisecond}, "terraform", samples{100 * time.Millisecond, 100 * time.Millisecond})
	all := table{rows: []*row{
		{part: partIdle, what: "100 stacks", unit: "MB", goal: atMost(28), state: "FAILED"}, reached, slower,
		(&row{part: partOther, what: "data_dir", unit: "MB"}).is(1234.4),
	}}
	all.print(&out, "one machine")
	want := [][]string{
		{"what", "goal", "measured", "opponent, same run", "ratio", "goal met"},
		{"ten roots", "1 x", "115 ms", "terraform: 100 ms", "1.15", "no"},
		{"100 stacks", "28 MB", "FAILED", "", "", "no"},
		{"poll, ssh", "0.6 ms", "0.5 ms", "git: 20 ms", "0.03", "yes"},
		{"data_dir", "", "1234 MB", "", "", ""},
	}
	at := 0
	for line := range strings.Lines(out.String()) {
		var cells []string
		for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		if at < len(want) && len(cells) == 7 && strings.Join(cells[:6], "|") == strings.Join(want[at], "|") {
			at++
		}
	}
	if at < len(want) {
		t.Errorf("the table has no row %q where it belongs:\n%s", want[at], out.String())
	}
	if missing := all.missing(); len(missing) != len(partNames)-4 {
		t.Errorf("of the parts, these are said to be missing: %q", missing)
	}
}

// TestSize tries that a size follows its flag.
func TestSize(t *testing.T) {
	asked := 0
	s := size{flag: &asked, full: 800_000, small: 20_000}
	want := s.full
	if testing.Short() {
		want = s.small
	}
	if got := s.get(); got != want {
		t.Errorf("without the flag it is %d instead of %d", got, want)
	}
	if asked = 7; s.get() != 7 {
		t.Errorf("the flag says 7 and the size is %d", s.get())
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := commas(n); got != want {
			t.Errorf("%d is written as %q", n, got)
		}
	}
}
