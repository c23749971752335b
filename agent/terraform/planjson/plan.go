package planjson

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"sallyport/store"
)

// Plan is the part of `terraform show -json` that a summary is made of. Attribute values are not kept: they hold
// secrets, and they are nearly all of the bytes.
type Plan struct {
	drift       []resourceChange
	resources   []resourceChange
	outputs     map[string]outputChange
	invocations []invocation
	deferred    []store.Deferred
	checks      []store.FailedCheck
	unknown     []unknownMember
	config      *moduleConfig // read only if something vanished, or what it is made of only the apply knows

	Complete    *bool // false: applying this plan leaves a part of the change to another one; nil: an older terraform does not say
	Errored     bool  // planning ended with an error, so that the plan must not be applied
	RefreshOnly bool  // set by whoever asked for such a plan: terraform's JSON does not tell
}

// decodeConfig reads the configuration, which says what refers to what.
func (p *Plan) decodeConfig(dec *json.Decoder) error {
	var c struct {
		Root *moduleConfig `json:"root_module"`
	}
	err := dec.Decode(&c)
	p.config = c.Root
	return err
}

// vanished reports whether terraform found any object gone.
func (p *Plan) vanished() bool {
	return slices.ContainsFunc(p.drift, func(d resourceChange) bool { return d.Change.Actions.Delete() })
}

// resourceChange is what a plan does to one object of a resource, or what terraform found changed of it outside.
type resourceChange struct {
	Address         string              `json:"address"`
	PreviousAddress string              `json:"previous_address"`
	Deposed         string              `json:"deposed"`
	Mode            tfjson.ResourceMode `json:"mode"`
	Type            string              `json:"type"`
	ActionReason    string              `json:"action_reason"`
	Change          struct {
		Actions   tfjson.Actions  `json:"actions"`
		Importing json.RawMessage `json:"importing"`
		values
		describing
	} `json:"change"`
	naming

	diff difference // of the values, which are dropped when it is made
}

// outputChange is what a plan does to one output of the root module.
type outputChange struct {
	Actions tfjson.Actions `json:"actions"`
	values

	diff difference
}

// Parse reads the output of `terraform show -json`, one resource at a time: the output can be as large as all
// attributes of all resources, four times over. The error says where the output is not a plan, or ends too early.
func Parse(r io.Reader) (*Plan, error) {
	p := &Plan{}
	dec := json.NewDecoder(r)
	err := eachMember(dec, func(key string) error {
		switch key {
		case "resource_drift":
			return p.decodeChanges(dec, key, &p.drift)
		case "resource_changes":
			return p.decodeChanges(dec, key, &p.resources)
		case "output_changes":
			return decodeOutputs(dec, &p.outputs)
		case "configuration":
			if !p.vanished() && !p.sourcesLater() {
				return skipValue(dec)
			}
			return p.decodeConfig(dec)
		case "action_invocations":
			return decodeInvocations(dec, &p.invocations)
		case "deferred_changes":
			return decodeDeferredChanges(dec, &p.deferred)
		case "deferred_action_invocations":
			return decodeDeferredInvocations(dec, &p.deferred)
		case "checks":
			return decodeChecks(dec, &p.checks)
		case "complete":
			return dec.Decode(&p.Complete)
		case "errored":
			return dec.Decode(&p.Errored)
		}
		if slices.Contains(withoutEffect, key) {
			return skipValue(dec)
		}
		return decodeUnknown(dec, key, &p.unknown)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the plan as JSON: %w", err)
	}
	return p, nil
}

// decodeChanges reads changes of resources. Data sources are left out: reading one changes nothing.
func (p *Plan) decodeChanges(dec *json.Decoder, key string, into *[]resourceChange) error {
	var raw json.RawMessage // the bytes of one after the other
	return eachElement(dec, func() error {
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		var c resourceChange
		if err := p.decodeStrictly(raw, key, &c); err != nil {
			return err
		}
		if c.Mode != tfjson.DataResourceMode || c.unknown() {
			if !c.Change.Actions.NoOp() {
				c.diff = c.Change.difference()
			}
			c.Change.values = values{}
			if c.importing() {
				c.Change.Importing = json.RawMessage("true") // an id is a value
			}
			*into = append(*into, c)
		}
		return nil
	})
}

// decodeOutputs reads changes of the root module's outputs, by name.
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
