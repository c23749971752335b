package terraform

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"sallyport/store"
)

// planJSON is the part of `terraform show -json` that a summary is made of. Attribute values are not kept: they hold
// secrets, and they are nearly all of the bytes.
type planJSON struct {
	Drift     []resourceChange
	Resources []resourceChange
	Outputs   map[string]outputChange
	Config    *moduleConfig // read only if something vanished, to tell what follows from that
	Applyable *bool         // nil: an older terraform does not say
	Complete  *bool
	Errored   bool

	RefreshOnly bool // the plan was asked for so; terraform's JSON does not say
}

type resourceChange struct {
	Address         string              `json:"address"`
	PreviousAddress string              `json:"previous_address"`
	Deposed         string              `json:"deposed"`
	Mode            tfjson.ResourceMode `json:"mode"`
	Type            string              `json:"type"`
	ActionReason    string              `json:"action_reason"`
	Change          struct {
		Actions   tfjson.Actions `json:"actions"`
		Importing *struct{}      `json:"importing"`
		values
	} `json:"change"`

	diff difference // of values, which are dropped when it was made
}

type outputChange struct {
	Actions tfjson.Actions `json:"actions"`
	values

	diff difference
}

// decodePlan reads the output of `terraform show -json`, one resource at a time: a plan can be as large as all
// attributes of all resources, four times over.
func decodePlan(r io.Reader) (*planJSON, error) {
	p := &planJSON{}
	dec := json.NewDecoder(r)
	err := eachMember(dec, func(key string) error {
		switch key {
		case "resource_drift":
			return decodeChanges(dec, &p.Drift)
		case "resource_changes":
			return decodeChanges(dec, &p.Resources)
		case "output_changes":
			return decodeOutputs(dec, &p.Outputs)
		case "configuration":
			if !p.vanished() {
				return skipValue(dec)
			}
			return p.decodeConfig(dec)
		case "applyable":
			return dec.Decode(&p.Applyable)
		case "complete":
			return dec.Decode(&p.Complete)
		case "errored":
			return dec.Decode(&p.Errored)
		}
		return skipValue(dec)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the plan as JSON: %w", err)
	}
	return p, nil
}

func decodeChanges(dec *json.Decoder, into *[]resourceChange) error {
	return eachElement(dec, func() error {
		var c resourceChange
		if err := dec.Decode(&c); err != nil {
			return err
		}
		if c.Mode != tfjson.DataResourceMode {
			if !c.Change.Actions.NoOp() {
				c.diff = c.Change.difference()
			}
			c.Change.values = values{}
			*into = append(*into, c)
		}
		return nil
	})
}

func decodeOutputs(dec *json.Decoder, into *map[string]outputChange) error {
	if err := dec.Decode(into); err != nil {
		return err
	}
	for name, o := range *into {
		if !o.Actions.NoOp() {
			o.diff = o.difference()
		}
		o.values = values{}
		(*into)[name] = o
	}
	return nil
}

// eachMember walks the members of an object; f must consume each value.
func eachMember(dec *json.Decoder, f func(key string) error) error {
	if err := expect(dec, '{'); err != nil {
		return err
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("unexpected %v in an object", t)
		}
		if err := f(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// eachElement walks the elements of an array; f must consume each. A null is an empty array.
func eachElement(dec *json.Decoder, f func() error) error {
	switch err := expect(dec, '['); {
	case errors.Is(err, errNull):
		return nil
	case err != nil:
		return err
	}
	for dec.More() {
		if err := f(); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

var errNull = errors.New("null")

func expect(dec *json.Decoder, want json.Delim) error {
	t, err := dec.Token()
	switch {
	case err != nil:
		return err
	case t == nil:
		return errNull
	case t != want:
		return fmt.Errorf("expected %v, got %v", want, t)
	}
	return nil
}

// skipValue reads past a value without ever holding all of it.
func skipValue(dec *json.Decoder) error {
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		if d, ok := t.(json.Delim); ok {
			if d == '{' || d == '[' {
				depth++
			} else {
				depth--
			}
		}
		if depth == 0 {
			return nil
		}
	}
}

// summarise makes the dictionary's Plan of a decoded one. Digest, versions and the state are filled in elsewhere. A plan that
// only refreshes has no changes of resources: what it writes into the state is the drift itself.
func (p *planJSON) summarise(protect, replaceable []string) store.Plan {
	out := store.Plan{Changes: []store.Change{}, Outputs: []store.Output{}}
	vanished, drifted := p.driftByAddress()
	resources := p.Resources
	if p.RefreshOnly {
		resources = p.Drift
	}
	for _, rc := range resources {
		c, ok := rc.change()
		if p.RefreshOnly {
			c.Actions = refreshed(rc.Change.Actions)
		}
		if !ok {
			continue
		}
		c.Type = rc.Type
		key := rc.key()
		switch {
		case p.RefreshOnly:
			c.Class = store.ClassDrift
		case vanished[key] && slices.Contains(c.Actions, "create"):
			c.Class = store.ClassRecreate
		case drifted[key] || vanished[key]:
			c.Class = store.ClassDrift
		default:
			c.Class = store.ClassConfig
		}
		for _, pattern := range protect {
			if ProtectMatch(pattern, rc.Address) || rc.PreviousAddress != "" && ProtectMatch(pattern, rc.PreviousAddress) {
				c.Protected = true
			}
		}
		c.Replaceable = slices.ContainsFunc(replaceable, func(pattern string) bool { return ProtectMatch(pattern, rc.Address) })
		for _, a := range c.Actions {
			switch a {
			case "create":
				out.Add++
			case "update":
				out.Change++
			case "delete":
				out.Destroy++
			}
		}
		out.Changes = append(out.Changes, c)
	}
	p.follow(out.Changes)
	slices.SortStableFunc(out.Changes, func(a, b store.Change) int { return rank(a) - rank(b) })
	for _, name := range sortedKeys(p.Outputs) {
		if o := p.Outputs[name]; !o.Actions.NoOp() && len(o.Actions) > 0 {
			out.Outputs = append(out.Outputs, store.Output{Name: name, Actions: words(o.Actions), Later: len(o.diff.Later) > 0 && len(o.diff.Known) == 0, Values: hex.EncodeToString(o.diff.digest[:])})
		}
	}
	out.Fingerprint = p.fingerprint()
	return out
}

// refreshed is what a plan that only refreshes does about an object: nothing to the object itself. One that has vanished is
// forgotten, which is a loss when its address is protected.
func refreshed(actions tfjson.Actions) []string {
	if actions.Delete() {
		return []string{"forget"}
	}
	return []string{"refresh"}
}

// driftByAddress sorts what terraform found changed outside into objects that are gone and others. A recreated
// object's drift is under the address that it had before a move.
func (p *planJSON) driftByAddress() (vanished, drifted map[string]bool) {
	vanished, drifted = make(map[string]bool), make(map[string]bool)
	for _, d := range p.Drift {
		switch {
		case d.Change.Actions.Delete():
			vanished[d.key()] = true
		case !d.Change.Actions.NoOp():
			drifted[d.key()] = true
		}
	}
	return vanished, drifted
}

// digest is a digest of what happens to the attributes, hex; empty where nothing does, or all of them go away with the object.
func (rc resourceChange) digest() string {
	if rc.Change.Actions.NoOp() || rc.Change.Actions.Delete() {
		return ""
	}
	return hex.EncodeToString(rc.diff.digest[:])
}

// key tells objects apart: a deposed one shares the address of its successor.
func (rc resourceChange) key() string { return rc.Address + "\x00" + rc.Deposed }

// change translates one resource's change; not ok means that nothing happens to it.
func (rc resourceChange) change() (store.Change, bool) {
	c := store.Change{Address: rc.Address, Actions: words(rc.Change.Actions), Values: rc.digest()}
	if rc.PreviousAddress != rc.Address {
		c.Previous = rc.PreviousAddress
	}
	switch {
	case rc.Change.Actions.Read():
		return c, false
	case !rc.Change.Actions.NoOp():
		return c, true
	case rc.Change.Importing != nil:
		c.Actions = []string{"import"} // terraform's JSON says no-op here, its own output says import
		return c, true
	}
	return c, c.Previous != ""
}

func words(actions tfjson.Actions) []string {
	out := make([]string, 0, len(actions))
	for _, a := range actions {
		out = append(out, string(a))
	}
	return out
}

// rank orders the card: what is lost first, protected things at its top; then what leaves the state, what comes back,
// what changes, what is new, and what only moves.
func rank(c store.Change) int {
	has := func(action string) bool { return slices.Contains(c.Actions, action) }
	r := 7
	switch {
	case c.Destroys() && c.Protected:
		r = 0
	case c.Destroys():
		r = 1
	case c.Forgets():
		r = 2
	case c.Class == store.ClassRecreate:
		r = 3
	case has("update"):
		r = 4
	case has("create"):
		r = 5
	case has("import"):
		r = 6
	}
	return r
}

// ProtectMatch reports whether a protect pattern matches the address of a resource. A star stands for any characters,
// dots and brackets included; everything else is literal. The address matches as a whole or without any number of
// the modules that it begins with: aws_ebs_volume.* matches module.ghe["a.b"].aws_ebs_volume.data.
func ProtectMatch(pattern, address string) bool {
	for {
		if wildcard(pattern, address) {
			return true
		}
		rest, ok := withoutModule(address)
		if !ok {
			return false
		}
		address = rest
	}
}

// wildcard matches text against a pattern in which only stars are special.
func wildcard(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(text, first) || !strings.HasSuffix(text[len(first):], last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}

// withoutModule cuts the first module.name["key"]. off an address. Keys can hold dots, brackets and escaped quotes.
func withoutModule(address string) (string, bool) {
	rest, ok := strings.CutPrefix(address, "module.")
	if !ok {
		return "", false
	}
	quoted := false
	for i := 0; i < len(rest); i++ {
		switch {
		case quoted && rest[i] == '\\':
			i++
		case rest[i] == '"':
			quoted = !quoted
		case !quoted && rest[i] == '.':
			return rest[i+1:], true
		}
	}
	return "", false
}
