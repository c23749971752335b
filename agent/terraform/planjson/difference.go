package planjson

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
)

// values are what an object was and will be. They are read to tell what differs, and are dropped then.
type values struct {
	Before       json.RawMessage `json:"before"`
	After        json.RawMessage `json:"after"`
	AfterUnknown json.RawMessage `json:"after_unknown"`
	ReplacePaths [][]any         `json:"replace_paths"`
}

// difference compares the attributes one by one. The digest is of what changes only: of an object's other attributes, some
// change all the time, and a plan is the same plan without them.
func (v values) difference() difference {
	var d difference
	h := sha256.New()
	before, after, unknown := members(v.Before), members(v.After), members(v.AfterUnknown)
	for _, name := range sortedKeys(before, after, unknown) {
		was, will, later := decoded(before[name]), decoded(after[name]), decoded(unknown[name])
		if isSource(name) {
			d.Sources.note(name, after[name], later)
		}
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

// difference is which attributes of an object change, without their values.
type difference struct {
	Known  []string // have another value that the plan knows
	Later  []string // get a value that only the apply will know
	Forces []string // force the replacement; empty if the reason lies elsewhere
	// Sources are among the attributes, changed or not, those that say where the data of a new object comes from.
	Sources sources
	digest  [sha256.Size]byte
}

// whole is the name of the one attribute of what is no object.
const whole = ""

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

// decoded is a JSON value with its numbers as they are written; nil for none.
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

// equal compares two decoded values.
func equal(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// hasTrue reports whether a value of after_unknown marks anything as known only after the apply.
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

// sortedKeys are the keys of all maps, each once.
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
