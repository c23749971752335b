package blockkit

import (
	"fmt"
	"maps"
	"unicode/utf8"
)

// Filled is what somebody fills in, by block and action: a string for what is typed or chosen, a []string for what is ticked.
type Filled map[string]map[string]any

// Pressed is what an element sends when it is pressed, or when something of it is chosen. It panics where nobody could.
func Pressed(blocks []map[string]any, action string, chosen any, ts string) map[string]any {
	for _, b := range blocks {
		for _, e := range Elements(b) {
			if e["action_id"] != action {
				continue
			}
			out := map[string]any{"action_id": action, "block_id": b["block_id"], "type": e["type"], "action_ts": ts}
			if e["type"] == "button" {
				out["text"] = e["text"]
				if e["value"] != nil {
					out["value"] = e["value"]
				}
				return out
			}
			maps.Copy(out, fill(e, chosen))
			return out
		}
	}
	panic(fmt.Sprintf("slacktest: there is nothing to press that is called %q", action))
}

// State is what a modal holds when it is submitted. It panics where Slack would not let anybody: what has to be filled in is not, or
// what is filled in is not there.
func State(blocks []map[string]any, filled Filled) map[string]any {
	left := map[string]map[string]any{}
	for block, actions := range filled {
		left[block] = maps.Clone(actions)
	}
	out := map[string]any{}
	for _, b := range blocks {
		block, _ := b["block_id"].(string)
		for _, e := range Elements(b) {
			action, _ := e["action_id"].(string)
			if e["type"] == "button" {
				continue
			}
			field := fill(e, left[block][action])
			delete(left[block], action)
			if b["type"] == "input" && b["optional"] != true && empty(field) {
				panic(fmt.Sprintf("slacktest: %s has to be filled in", block))
			}
			fields, _ := out[block].(map[string]any)
			if fields == nil {
				fields = map[string]any{}
				out[block] = fields
			}
			fields[action] = field
		}
	}
	for block, actions := range left {
		for action := range actions {
			panic(fmt.Sprintf("slacktest: there is no %s %s to fill in", block, action))
		}
	}
	return out
}

func empty(field map[string]any) bool {
	options, ticks := field["selected_options"].([]map[string]any)
	return field["value"] == nil && field["selected_option"] == nil && (!ticks || len(options) == 0)
}

// fill is what an element holds; without anything chosen, what it held at first.
func fill(e map[string]any, chosen any) map[string]any {
	kind, _ := e["type"].(string)
	out := map[string]any{"type": kind}
	switch kind {
	case "plain_text_input":
		text, given := chosen.(string)
		if out["value"] = e["initial_value"]; given && text != "" {
			out["value"] = text
		} else if given {
			out["value"] = nil
		}
		if most, ok := e["max_length"].(float64); ok && utf8.RuneCountInString(text) > int(most) || utf8.RuneCountInString(text) > 3000 {
			panic("slacktest: Slack does not let anybody type that much")
		}
	case "static_select", "radio_buttons":
		if out["selected_option"] = e["initial_option"]; chosen != nil {
			out["selected_option"] = pick(e, chosen.(string))
		}
	case "checkboxes":
		ticked := []map[string]any{}
		if chosen == nil {
			ticked = append(ticked, objects(e["initial_options"])...)
		} else {
			for _, value := range chosen.([]string) {
				ticked = append(ticked, pick(e, value))
			}
		}
		out["selected_options"] = ticked
	}
	return out
}

// pick is one of the options of an element.
func pick(e map[string]any, value string) map[string]any {
	for _, o := range objects(e["options"]) {
		if o["value"] == value {
			return o
		}
	}
	panic(fmt.Sprintf("slacktest: %q is not among what can be chosen", value))
}
