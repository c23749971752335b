package bench

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// part is a line of the table in doc.go; a part may have several rows.
type part int

const (
	partRoots part = iota
	partOneRoot
	partModules
	partCheckout
	partManyPlans
	partToSlack
	partToApply
	partIdle
	partObjects
	partPoll
	partHugePlan
	partHistory
	partColdCache
	partGrowth
	partOther
)

var partNames = [...]string{
	partRoots: "roots of one commit", partOneRoot: "one root of 500 resources", partModules: "modules and big providers, second plan",
	partCheckout: "the agent's CPU per run", partManyPlans: "first plan of many stacks, a stub for terraform", partToSlack: "commit seen to the Slack message",
	partToApply: "decision to apply", partIdle: "idle", partObjects: "large repository", partPoll: "poll that finds nothing",
	partHugePlan: "one root of 10,000 resources", partHistory: "10,000 runs stored", partColdCache: "many stacks, cold cache",
	partGrowth: "growth", partOther: "other",
}

// goal is what a row is to reach. The zero value is none.
type goal struct {
	most  float64
	unit  string // of the row; times is for the ratio
	given bool
}

const times = "times"

// atMost is a goal for the figure itself.
func atMost(most float64) goal { return goal{most: most, given: true} }

// atMostTimes is a goal for the figure through the opponent's.
func atMostTimes(most float64) goal { return goal{most: most, unit: times, given: true} }

// row is one row of the table. Who begins one and never says its figure has failed, which the table says.
type row struct {
	part part
	what string
	unit string
	goal goal

	state    string // instead of a figure
	figure   float64
	opponent string
	theirs   float64
	ratio    float64 // 0: there is no opponent
	load     string  // the machine's, over the last minute
}

// table is what the benchmarks of this process have said.
type table struct {
	mu   sync.Mutex
	rows []*row
}

var results table

// begin begins a row. Call it first of all in a benchmark, since what fails before it is not in the table. what says the
// size as well: "repository of 800,000 objects: clone". Another run of the same benchmark replaces its row.
func begin(b *testing.B, p part, what, unit string, g goal) *row {
	b.Helper()
	if testing.Short() {
		what += " (small)"
	}
	r := &row{part: p, what: what, unit: unit, goal: g, state: "FAILED"}
	results.put(r)
	b.Cleanup(func() {
		switch {
		case r.state == "" || b.Failed():
		case b.Skipped():
			r.state = "skipped"
		default: // a panic is on its way, or the benchmark forgot the row; what others have measured is told in any case
			results.print(os.Stdout, "")
		}
	})
	return r
}

func (t *table) put(r *row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = slices.DeleteFunc(t.rows, func(x *row) bool { return x.part == r.part && x.what == r.what })
	t.rows = append(t.rows, r)
}

// is says the figure, in the row's unit.
func (r *row) is(figure float64) *row {
	r.figure, r.state, r.load = figure, "", load()
	return r
}

// against says what an opponent needed for the same in the same run, in the row's unit.
func (r *row) against(opponent string, theirs float64) *row {
	r.opponent, r.theirs = opponent, theirs
	if theirs > 0 {
		r.ratio = r.figure / theirs
	}
	return r
}

// inTurns says both from times that were taken in turns, in milliseconds. The ratio is the median of the turns' ratios, so
// that what disturbs one turn does not decide.
func (r *row) inTurns(own samples, opponent string, theirs samples) *row {
	r.is(ms(own.median())).against(opponent, ms(theirs.median()))
	r.ratio = ratioOf(own, theirs)
	return r
}

// ratioOf is the median of the ratios of turns; 0 if there are none.
func ratioOf(own, theirs samples) float64 {
	var ratios []float64
	for i := range min(len(own), len(theirs)) {
		if theirs[i] > 0 {
			ratios = append(ratios, float64(own[i])/float64(theirs[i]))
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	slices.Sort(ratios)
	mid := len(ratios) / 2
	if len(ratios)%2 == 1 {
		return ratios[mid]
	}
	return (ratios[mid-1] + ratios[mid]) / 2
}

// met says whether a row reached its goal.
func (r *row) met() string {
	switch {
	case !r.goal.given:
		return ""
	case r.state != "":
		return "no"
	case r.goal.unit == times && r.ratio == 0:
		return "no opponent"
	case r.goal.unit == times && r.ratio <= r.goal.most, r.goal.unit != times && r.figure <= r.goal.most:
		return "yes"
	}
	return "no"
}

func (r *row) cells() []string {
	cells := []string{r.what, "", r.state, "", "", r.met(), r.load}
	switch {
	case r.goal.unit == times:
		cells[1] = fmt.Sprintf("%v x", r.goal.most)
	case r.goal.given:
		cells[1] = fmt.Sprintf("%v %s", r.goal.most, r.unit)
	}
	if r.state == "" {
		cells[2] = number(r.figure) + " " + r.unit
	}
	if r.opponent != "" {
		cells[3] = fmt.Sprintf("%s: %s %s", r.opponent, number(r.theirs), r.unit)
		if r.ratio > 0 {
			cells[4] = fmt.Sprintf("%.2f", r.ratio)
		}
	}
	return cells
}

// number has three digits that count.
func number(f float64) string {
	switch abs := max(f, -f); {
	case abs >= 100 || f == float64(int64(f)):
		return fmt.Sprintf("%.0f", f)
	case abs >= 10:
		return fmt.Sprintf("%.1f", f)
	case abs >= 1:
		return fmt.Sprintf("%.2f", f)
	default:
		return fmt.Sprintf("%.3g", f)
	}
}

// print writes the table as Markdown that people can read as it is. about says what it was measured on.
func (t *table) print(w io.Writer, about string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return
	}
	rows := slices.Clone(t.rows)
	slices.SortStableFunc(rows, func(a, b *row) int { return int(a.part) - int(b.part) })
	fmt.Fprintf(w, "\n%s\n", about)
	tw := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	line := func(cells ...string) { fmt.Fprintf(tw, "| %s |\n", strings.Join(cells, "\t| ")) }
	line("what", "goal", "measured", "opponent, same run", "ratio", "goal met", "load")
	line("---", "---", "---", "---", "---", "---", "---")
	for i, r := range rows {
		if i == 0 || rows[i-1].part != r.part {
			line("**"+partNames[r.part]+"**", "", "", "", "", "", "")
		}
		line(r.cells()...)
	}
	_ = tw.Flush() // the console's
}

// missing names the parts of which nothing was said.
func (t *table) missing() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var names []string
	for p, name := range partNames {
		if part(p) != partOther && !slices.ContainsFunc(t.rows, func(r *row) bool { return r.part == part(p) }) {
			names = append(names, name)
		}
	}
	return names
}

// load is the machine's over the last minute: how much was at work besides.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one
}

// machine says what the figures were measured on.
func machine() string {
	first := func(name string, args ...string) string {
		out, err := exec.Command(name, args...).Output()
		if err != nil {
			return name + "?"
		}
		line, _, _ := bytes.Cut(out, []byte("\n"))
		return string(line)
	}
	model := "processor?"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				model = strings.Trim(name, " \t\n:")
				break
			}
		}
	}
	return strings.Join([]string{
		fmt.Sprintf("%d cores", runtime.NumCPU()), model, "Linux " + first("uname", "-r"), first("terraform", "version"),
		first("git", "version"), runtime.Version(), "load at the end " + load(),
	}, ", ")
}

// conclude prints the table at the end of a process.
func conclude(w io.Writer) {
	results.print(w, machine())
	if flag.Lookup("test.bench").Value.String() != "." {
		return
	}
	for _, name := range results.missing() {
		fmt.Fprintf(w, "not measured: %s\n", name)
	}
}
