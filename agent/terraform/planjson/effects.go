package planjson

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"sallyport/store"
)

// withoutEffect are the members of a plan's JSON that say what is, or what the plan was made from, and nothing of what it does.
// Those that do something have readers of their own. Every other one, of a terraform that is newer than this list, is taken for an
// effect: what this list does not know must not get past an approval unseen.
var withoutEffect = []string{
	"format_version", "terraform_version", "variables", "planned_values", "prior_state", "relevant_attributes", "timestamp", "applyable",
}

// knownActions are terraform's words for what happens to an object.
var knownActions = []tfjson.Action{
	tfjson.ActionNoop, tfjson.ActionCreate, tfjson.ActionRead, tfjson.ActionUpdate, tfjson.ActionDelete, tfjson.ActionForget,
}

// unknown reports whether the change has no action, or one that this package does not know.
func (rc resourceChange) unknown() bool {
	return len(rc.Change.Actions) == 0 || slices.ContainsFunc(rc.Change.Actions, func(a tfjson.Action) bool { return !slices.Contains(knownActions, a) })
}

// importing reports whether terraform takes an existing object into the state first.
func (rc resourceChange) importing() bool { return !empty(rc.Change.Importing) }

// invocation is an action of terraform's that the plan invokes: a provider's program, which changes no resource that the plan knows.
type invocation struct {
	Address   string          `json:"address"`
	Type      string          `json:"type"`
	Config    json.RawMessage `json:"config_values"`
	Unknown   json.RawMessage `json:"config_unknown"`
	Lifecycle *struct {
		Resource string `json:"triggering_resource_address"`
		Event    string `json:"action_trigger_event"`
	} `json:"lifecycle_action_trigger"`

	digest [sha256.Size]byte // of its arguments, which are dropped when it is made
}

// seal makes the digest of the arguments and drops them.
func (i *invocation) seal() {
	h := sha256.New()
	writePart(h, i.Config)
	writePart(h, i.Unknown)
	h.Sum(i.digest[:0])
	i.Config, i.Unknown = nil, nil
}

// trigger says what invokes it; empty for one that a person invoked.
func (i *invocation) trigger() string {
	if i.Lifecycle == nil {
		return ""
	}
	return i.Lifecycle.Event + " of " + i.Lifecycle.Resource
}

func (i *invocation) change() store.Change {
	return store.Change{
		Address: i.Address, Actions: []string{"invoke"}, Class: store.ClassConfig, Type: i.Type, Trigger: i.trigger(),
		Values: hex.EncodeToString(i.digest[:]),
	}
}

func decodeInvocations(dec *json.Decoder, into *[]invocation) error {
	return eachElement(dec, func() error {
		var i invocation
		if err := dec.Decode(&i); err != nil {
			return err
		}
		i.seal()
		*into = append(*into, i)
		return nil
	})
}

// decodeDeferredChanges reads changes of resources that terraform leaves to another plan.
func decodeDeferredChanges(dec *json.Decoder, into *[]store.Deferred) error {
	return eachElement(dec, func() error {
		var d struct {
			Reason string         `json:"reason"`
			Change resourceChange `json:"resource_change"`
		}
		if err := dec.Decode(&d); err != nil {
			return err
		}
		*into = append(*into, store.Deferred{Address: d.Change.Address, Actions: words(d.Change.Change.Actions), Reason: d.Reason})
		return nil
	})
}

// decodeDeferredInvocations reads invocations of actions that terraform leaves to another plan.
func decodeDeferredInvocations(dec *json.Decoder, into *[]store.Deferred) error {
	return eachElement(dec, func() error {
		var d struct {
			Reason     string     `json:"reason"`
			Invocation invocation `json:"action_invocation"`
		}
		if err := dec.Decode(&d); err != nil {
			return err
		}
		*into = append(*into, store.Deferred{Address: d.Invocation.Address, Actions: []string{"invoke"}, Reason: d.Reason})
		return nil
	})
}

// decodeChecks keeps the checks that do not hold. Those that only the apply can look at are said by the apply.
func decodeChecks(dec *json.Decoder, into *[]store.FailedCheck) error {
	type address struct {
		Display string `json:"to_display"`
	}
	return eachElement(dec, func() error {
		var c struct {
			Address   address `json:"address"`
			Status    string  `json:"status"`
			Instances []struct {
				Address  address `json:"address"`
				Status   string  `json:"status"`
				Problems []struct {
					Message string `json:"message"`
				} `json:"problems"`
			} `json:"instances"`
		}
		if err := dec.Decode(&c); err != nil {
			return err
		}
		if holds(c.Status) {
			return nil
		}
		before := len(*into)
		for _, i := range c.Instances {
			if holds(i.Status) {
				continue
			}
			failed := store.FailedCheck{Address: i.Address.Display, Status: i.Status}
			for _, p := range i.Problems {
				failed.Problems = append(failed.Problems, p.Message)
			}
			*into = append(*into, failed)
		}
		if len(*into) == before { // no instance says it
			*into = append(*into, store.FailedCheck{Address: c.Address.Display, Status: c.Status})
		}
		return nil
	})
}

// holds reports whether a check's status says nothing bad: it passes, or nobody can tell before the apply.
func holds(status string) bool { return status == "pass" || status == "unknown" }

// naming and describing are the members of a change that say nothing of what it does which is not said elsewhere. They are listed
// so that others are told from them: that something is imported once came as a new member of a change that does nothing else.
type naming struct {
	Module       ignored `json:"module_address"`
	Name         ignored `json:"name"`
	Index        ignored `json:"index"`
	IndexUnknown ignored `json:"index_unknown"`
	Provider     ignored `json:"provider_name"`
}

type describing struct {
	BeforeSensitive ignored `json:"before_sensitive"`
	AfterSensitive  ignored `json:"after_sensitive"`
	GeneratedConfig ignored `json:"generated_config"`
	BeforeIdentity  ignored `json:"before_identity"`
	AfterIdentity   ignored `json:"after_identity"`
}

// ignored is a value that is not kept.
type ignored struct{}

// UnmarshalJSON takes everything.
func (ignored) UnmarshalJSON([]byte) error { return nil }

// decodeStrictly reads a change of a resource, and notes what members it has that are not known. They are looked for only if there
// are any: most plans have none, and thousands of changes.
func (p *Plan) decodeStrictly(raw json.RawMessage, key string, c *resourceChange) error {
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if strict.Decode(c) == nil {
		return nil
	}
	*c = resourceChange{}
	if err := json.Unmarshal(raw, c); err != nil {
		return err
	}
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(raw, &outer); err != nil {
		return err
	}
	p.noteMembers(key, outer, resourceChange{})
	p.noteMembers(key+".change", members(outer["change"]), c.Change)
	return nil
}

// noteMembers notes those members of a part of the plan that are not empty, and for which its form here has no place. Each name is
// noted once, however many changes have it.
func (p *Plan) noteMembers(part string, have map[string]json.RawMessage, form any) {
	for _, name := range sortedKeys(have) {
		if empty(have[name]) || knows(reflect.TypeOf(form), name) {
			continue
		}
		u := unknownMember{name: part + "." + name}
		i := slices.IndexFunc(p.unknown, func(before unknownMember) bool { return before.name == u.name })
		if i < 0 {
			i = len(p.unknown)
			p.unknown = append(p.unknown, u)
		}
		p.unknown[i].digest = sha256.Sum256(slices.Concat(p.unknown[i].digest[:], have[name]))
	}
}

// knows reports whether a form has a field for a member.
func knows(form reflect.Type, name string) bool {
	for _, f := range reflect.VisibleFields(form) {
		if f.Tag.Get("json") == name {
			return true
		}
	}
	return false
}

// unknownMember is a member of the plan's JSON that this package does not know.
type unknownMember struct {
	name   string
	digest [sha256.Size]byte
}

// address stands for a member where addresses are listed and named: an address has a dot.
func (u unknownMember) address() string { return "plan." + u.name }

func (u unknownMember) change() store.Change {
	return store.Change{
		Address: u.address(), Actions: []string{"unknown"}, Class: store.ClassConfig, Unknown: true, Values: hex.EncodeToString(u.digest[:]),
	}
}

// decodeUnknown notes a member that is not known, unless it is empty.
func decodeUnknown(dec *json.Decoder, name string, into *[]unknownMember) error {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return err
	}
	if !empty(raw) {
		*into = append(*into, unknownMember{name, sha256.Sum256(raw)})
	}
	return nil
}

// empty reports whether a JSON value says nothing: it is absent, null, false, zero, or has nothing in it.
func empty(raw json.RawMessage) bool {
	var compact bytes.Buffer
	if len(raw) == 0 || json.Compact(&compact, raw) != nil {
		return len(raw) == 0
	}
	return slices.Contains([]string{"null", "false", "0", `""`, "[]", "{}"}, compact.String())
}
