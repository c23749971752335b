package terraform

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sallyport/store"
)

// values are what an object was and will be. They are read to tell what differs, and are dropped then.
type values struct {
	Before       json.RawMessage `json:"before"`
	After        json.RawMessage `json:"after"`
	AfterUnknown json.RawMessage `json:"after_unknown"`
	ReplacePaths [][]any         `json:"replace_paths"`
}

// difference is which attributes of an object change, without their values.
type difference struct {
	Known  []string // have another value that the plan knows
	Later  []string // get a value that only the apply will know
	Forces []string // force the replacement; empty if the reason lies elsewhere
	digest [sha256.Size]byte
}

// whole is the name of the one attribute of what is no object.
const whole = ""

// difference compares the attributes one by one. The digest is of what changes only: of an object's other attributes, some
// change all the time, and a plan is the same plan without them.
func (v values) difference() difference {
	var d difference
	h := sha256.New()
	before, after, unknown := members(v.Before), members(v.After), members(v.AfterUnknown)
	for _, name := range sortedKeys(before, after, unknown) {
		was, will, later := decoded(before[name]), decoded(after[name]), decoded(unknown[name])
		switch {
		case differs(was, will, later):
			d.Known = append(d.Known, name)
		case hasTrue(later):
			d.Later = append(d.Later, name)
		default:
			continue
		}
		for _, part := range []json.RawMessage{before[name], after[name], unknown[name]} {
			writePart(h, []byte(name))
			writePart(h, part)
		}
	}
	for _, path := range v.ReplacePaths {
		if len(path) > 0 {
			d.Forces = append(d.Forces, fmt.Sprint(path[0]))
		}
	}
	h.Sum(d.digest[:0])
	return d
}

// writePart writes a part that cannot be mistaken for the end of the one before it.
func writePart(h io.Writer, part []byte) {
	_, _ = fmt.Fprintf(h, "%d:", len(part)) // a hash takes everything
	_, _ = h.Write(part)
}

// members are the attributes of an object; what is none is one attribute without a name.
func members(raw json.RawMessage) map[string]json.RawMessage {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return map[string]json.RawMessage{whole: raw}
	}
	return m
}

// decoded is a value; nil for none.
func decoded(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return string(raw)
	}
	return v
}

// differs reports whether a value changes to another one that is known, in whole or in part.
func differs(was, will, unknown any) bool {
	if unknown == true {
		return false
	}
	switch u := unknown.(type) {
	case map[string]any:
		w, ok := was.(map[string]any)
		a, other := will.(map[string]any)
		if !ok || !other {
			return !equal(was, will)
		}
		for _, name := range sortedKeys(w, a, u) {
			if differs(w[name], a[name], u[name]) {
				return true
			}
		}
		return false
	case []any:
		w, ok := was.([]any)
		a, other := will.([]any)
		if !ok || !other || len(w) != len(a) || len(u) > len(a) {
			return !equal(was, will)
		}
		for i := range a {
			var part any
			if i < len(u) {
				part = u[i]
			}
			if differs(w[i], a[i], part) {
				return true
			}
		}
		return false
	}
	return !equal(was, will)
}

func equal(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

func hasTrue(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		for _, part := range v {
			if hasTrue(part) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasTrue)
	}
	return false
}

// fingerprint is a digest (SHA-256, hex) of what the plan changes: two plans that would do the same have the same, whenever
// they were made.
func (p *planJSON) fingerprint() string {
	h := sha256.New()
	vanished, drifted := p.driftByAddress()
	changes := slices.Clone(p.Resources)
	slices.SortStableFunc(changes, func(a, b resourceChange) int { return strings.Compare(a.key(), b.key()) })
	for _, rc := range changes {
		if _, ok := rc.change(); !ok {
			continue
		}
		writePart(h, []byte(rc.key()))
		writePart(h, []byte(rc.PreviousAddress))
		writePart(h, fmt.Appendf(nil, "%v %v %v %v", rc.Change.Actions, rc.Change.Importing != nil, vanished[rc.key()], drifted[rc.key()]))
		if rc.Change.Actions.Delete() {
			continue // what is destroyed is, whatever became of it meanwhile
		}
		writePart(h, rc.diff.digest[:])
	}
	for _, name := range sortedKeys(p.Outputs) {
		if o := p.Outputs[name]; !o.Actions.NoOp() {
			writePart(h, []byte(name))
			writePart(h, fmt.Appendf(nil, "%v", o.Actions))
			writePart(h, o.diff.digest[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// moduleConfig is the part of a module's configuration that says what refers to what.
type moduleConfig struct {
	Resources []struct {
		Address     string         `json:"address"` // in its module, without indexes
		Expressions map[string]any `json:"expressions"`
	} `json:"resources"`
	Outputs map[string]struct {
		Expression any `json:"expression"`
	} `json:"outputs"`
	Calls map[string]struct {
		Expressions map[string]any `json:"expressions"`
		Module      *moduleConfig  `json:"module"`
	} `json:"module_calls"`
}

func (p *planJSON) decodeConfig(dec *json.Decoder) error {
	var c struct {
		Root *moduleConfig `json:"root_module"`
	}
	err := dec.Decode(&c)
	p.Config = c.Root
	return err
}

// vanished reports whether anything was found gone.
func (p *planJSON) vanished() bool {
	return slices.ContainsFunc(p.Drift, func(d resourceChange) bool { return d.Change.Actions.Delete() })
}

// follow notes which updates and replacements have recreated objects as their only cause. It is proven, not guessed: every
// attribute that changes gets a value that only the apply will know, and its expression leads to a recreated object. What
// goes through locals cannot be followed, since terraform's JSON does not have them.
func (p *planJSON) follow(changes []store.Change) {
	if p.Config == nil {
		return
	}
	diffs := map[string]resourceChange{}
	for _, rc := range p.Resources {
		if rc.Deposed == "" {
			diffs[rc.Address] = rc
		}
	}
	t := tracer{root: p.Config, recreated: map[string]string{}}
	for _, c := range changes {
		if c.Class == store.ClassRecreate {
			modules, resource := configAddress(c.Address)
			t.recreated[scope(modules, resource)] = c.Address
		}
	}
	for i, c := range changes {
		if rc, ok := diffs[c.Address]; ok && c.Class != store.ClassRecreate {
			changes[i].Follows = t.causes(c, rc)
		}
	}
}

// tracer finds out which recreated objects an expression leads to.
type tracer struct {
	root      *moduleConfig
	recreated map[string]string // by scope: the object's address
}

func scope(modules []string, resource string) string {
	return strings.Join(append(modules, resource), "\x00")
}

// causes are the recreated objects that a change has as its only cause; nil if it has, or may have, another one.
func (t tracer) causes(c store.Change, rc resourceChange) []string {
	update := slices.Equal(c.Actions, []string{"update"})
	replace := len(c.Actions) == 2 && c.Destroys() && rc.ActionReason == "replace_because_cannot_update" && len(rc.diff.Forces) > 0
	if !update && !replace || len(rc.diff.Known) > 0 || c.Previous != "" {
		return nil
	}
	modules, resource := configAddress(c.Address)
	expressions := t.expressions(modules, resource)
	var all []string
	for _, name := range rc.diff.Later {
		expression, written := expressions[name]
		if !written {
			continue // the provider fills it in
		}
		found := t.leads(modules, expression, 0)
		if len(found) == 0 {
			return nil
		}
		all = append(all, found...)
	}
	for _, name := range rc.diff.Forces {
		if _, written := expressions[name]; !written || !slices.Contains(rc.diff.Later, name) {
			return nil
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (t tracer) module(path []string) *moduleConfig {
	m := t.root
	for _, name := range path {
		if m == nil {
			return nil
		}
		m = m.Calls[name].Module
	}
	return m
}

func (t tracer) expressions(modules []string, resource string) map[string]any {
	m := t.module(modules)
	if m == nil {
		return nil
	}
	for _, r := range m.Resources {
		if r.Address == resource {
			return r.Expressions
		}
	}
	return nil
}

// maxTrace bounds how many modules an expression is followed through.
const maxTrace = 20

// leads lists the recreated objects that an expression refers to, directly or through variables and outputs of modules.
func (t tracer) leads(modules []string, expression any, depth int) []string {
	if depth > maxTrace {
		return nil
	}
	var found []string
	for _, ref := range references(expression) {
		parts := strings.Split(withoutIndexes(ref), ".")
		switch {
		case len(parts) < 2:
		case parts[0] == "var" && len(modules) > 0:
			parent, name := modules[:len(modules)-1], modules[len(modules)-1]
			if m := t.module(parent); m != nil {
				found = append(found, t.leads(parent, m.Calls[name].Expressions[parts[1]], depth+1)...)
			}
		case parts[0] == "module" && len(parts) > 2:
			child := append(slices.Clone(modules), parts[1])
			if m := t.module(child); m != nil {
				found = append(found, t.leads(child, m.Outputs[parts[2]].Expression, depth+1)...)
			}
		default:
			if address, ok := t.recreated[scope(slices.Clone(modules), parts[0]+"."+parts[1])]; ok {
				found = append(found, address)
			}
		}
	}
	return found
}

// references collects what an expression, or the expressions of a nested block, refer to.
func references(expression any) []string {
	var found []string
	switch e := expression.(type) {
	case []any:
		for _, part := range e {
			found = append(found, references(part)...)
		}
	case map[string]any:
		for name, part := range e {
			list, ok := part.([]any)
			if name != "references" || !ok {
				if name != "constant_value" {
					found = append(found, references(part)...)
				}
				continue
			}
			for _, ref := range list {
				if s, ok := ref.(string); ok {
					found = append(found, s)
				}
			}
		}
	}
	return found
}

// configAddress is where an object stands in the configuration: the names of its modules, and type.name.
func configAddress(address string) (modules []string, resource string) {
	for {
		rest, ok := withoutModule(address)
		if !ok {
			parts := strings.Split(withoutIndexes(address), ".")
			return modules, strings.Join(parts[:min(2, len(parts))], ".")
		}
		name := withoutIndexes(strings.TrimPrefix(strings.TrimSuffix(address, "."+rest), "module."))
		modules, address = append(modules, name), rest
	}
}

// withoutIndexes takes ["key"] and [0] out of an address. Keys can hold brackets and escaped quotes.
func withoutIndexes(address string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(address); i++ {
		c := address[i]
		switch {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
