package trials

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/control"
	"sallyport/store"
)

// maxDifferences is how many differences of a stack's two plans are listed.
const maxDifferences = 20

// pair is the two plans of a stack, of one commit and, if they can be compared, one state.
type pair struct {
	was, now         *store.Plan
	configured, tool string // what they were made with, like "terraform 1.11.4"
}

// moved reports whether the two were made on different states: somebody has written to it in between, and what they differ in says nothing.
func (p pair) moved() bool {
	return p.was.Lineage != p.now.Lineage || p.was.Serial != p.now.Serial || p.was.NewState != p.now.NewState
}

// same reports whether both plans would do the same, values included: what they change, and what they leave to another plan.
func (p pair) same() bool {
	return p.was.Fingerprint == p.now.Fingerprint && p.was.Fingerprint != "" && p.was.Empty == p.now.Empty &&
		slices.EqualFunc(p.was.Deferred, p.now.Deferred, func(a, b store.Deferred) bool { return deferredText(a) == deferredText(b) })
}

// note says what to know beside a comparison.
func (p pair) note() string {
	if p.was.LockDigest != p.now.LockDigest && p.was.LockDigest != "" {
		return "the two use different providers, or different checksums of them: compare the lock files"
	}
	return ""
}

// differences list in what two plans differ that are not the same, the first few, never with values.
func (p pair) differences() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if p.was.Empty != p.now.Empty {
		add("%s has %s, %s has %s", p.configured, changes(p.was), p.tool, changes(p.now))
	}
	before, after := byAddress(p.was), byAddress(p.now)
	for _, address := range sortedKeys(before, after) {
		a, b := before[address], after[address]
		switch {
		case len(b) == 0:
			add("%s: %s with %s, nothing with %s", address, actions(a), p.configured, p.tool)
		case len(a) == 0:
			add("%s: nothing with %s, %s with %s", address, p.configured, actions(b), p.tool)
		case actions(a) != actions(b):
			add("%s: %s with %s, %s with %s", address, actions(a), p.configured, actions(b), p.tool)
		case values(a) != values(b):
			add("%s: %s with both, and other values%s", address, actions(a), attributes(a, b))
		}
	}
	outputs := func(plan *store.Plan) map[string]string {
		m := map[string]string{}
		for _, o := range plan.Outputs {
			m[o.Name] = strings.Join(o.Actions, ",") + "\x00" + o.Values
		}
		return m
	}
	one, other := outputs(p.was), outputs(p.now)
	for _, name := range sortedKeys(one, other) {
		if one[name] != other[name] {
			add("output %s: not the same", name)
		}
	}
	if !slices.EqualFunc(p.was.Deferred, p.now.Deferred, func(a, b store.Deferred) bool { return deferredText(a) == deferredText(b) }) {
		add("they leave other changes to another plan: %d with %s, %d with %s", len(p.was.Deferred), p.configured, len(p.now.Deferred), p.tool)
	}
	if len(out) == 0 {
		add("the same addresses and actions; what they do with values is written in another way, so that nobody can say that it is the same")
	}
	if more := len(out) - maxDifferences; more > 0 {
		out = append(out[:maxDifferences], fmt.Sprintf("and %d more", more))
	}
	return out
}

func deferredText(d store.Deferred) string {
	return d.Address + "\x00" + strings.Join(d.Actions, ",") + "\x00" + d.Reason
}

func changes(p *store.Plan) string {
	if p.Empty {
		return "no changes"
	}
	return "changes"
}

// byAddress are the changes of a plan; an address can have more than one, of objects that were set aside.
func byAddress(p *store.Plan) map[string][]store.Change {
	m := map[string][]store.Change{}
	for _, c := range p.Changes {
		m[c.Address] = append(m[c.Address], c)
	}
	return m
}

func actions(list []store.Change) string {
	var all []string
	for _, c := range list {
		text := strings.Join(c.Actions, "/")
		if c.Importing && !slices.Contains(c.Actions, "import") {
			text = "import, " + text
		}
		if c.Previous != "" {
			text += " moved from " + c.Previous
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, " and ")
}

func values(list []store.Change) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Values+" "+string(c.Class))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// attributes names those that changes of one address touch.
func attributes(lists ...[]store.Change) string {
	var names []string
	for _, list := range lists {
		for _, c := range list {
			names = append(names, c.Attributes...)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return ""
	}
	return " among " + strings.Join(names, ", ")
}

func sortedKeys[V any](maps ...map[string]V) []string {
	var keys []string
	for _, m := range maps {
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// result is what is told of the two plans.
func (p pair) result() control.TrialResult {
	r := control.TrialResult{
		Outcome: control.TrialSame, Configured: p.configured, Plan: control.PlanOf(p.now), Was: control.PlanOf(p.was),
		Differences: []string{}, Text: p.note(),
	}
	if !p.same() {
		r.Outcome, r.Differences = control.TrialOther, p.differences()
	}
	return r
}
