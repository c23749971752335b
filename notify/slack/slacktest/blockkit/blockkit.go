// Package blockkit says what Slack finds wrong with the blocks of messages and with modals: too many, too long, of a kind that has no
// place there, with ids that are not unique. The limits are those that Slack documents, in characters. What it does not know it refuses.
package blockkit

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Message says what is wrong with the blocks of a message; nothing if Slack would take them.
func Message(blocks []map[string]any) []string {
	return check(blocks, 50, []string{"header", "section", "context", "rich_text", "divider", "actions"})
}

// Modal says what is wrong with a modal.
func Modal(view map[string]any) []string {
	var faults []string
	if view["type"] != "modal" {
		return []string{fmt.Sprintf("unsupported type: %v [json-pointer:/view/type]", view["type"])}
	}
	faults = append(faults, checkText(view["title"], 24, "plain_text")...)
	for _, name := range []string{"submit", "close"} {
		if view[name] != nil {
			faults = append(faults, checkText(view[name], 24, "plain_text")...)
		}
	}
	faults = append(faults, checkLength(view, "private_metadata", 3000)...)
	faults = append(faults, checkLength(view, "callback_id", 255)...)
	blocks, input := Blocks(view), false
	if view["blocks"] == nil || len(blocks) == 0 {
		faults = append(faults, "blocks are required [json-pointer:/view/blocks]")
	}
	for _, b := range blocks {
		input = input || b["type"] == "input"
	}
	if input && view["submit"] == nil {
		faults = append(faults, "submit is required when there is an input block [json-pointer:/view/submit]")
	}
	for name := range view {
		if !slices.Contains([]string{
			"type", "title", "blocks", "close", "submit", "private_metadata", "callback_id", "clear_on_close", "notify_on_close", "external_id",
		}, name) {
			faults = append(faults, "additional property: "+name)
		}
	}
	return append(faults, check(blocks, 100, []string{"header", "section", "context", "rich_text", "divider", "actions", "input"})...)
}

// Blocks are the blocks of a view.
func Blocks(view map[string]any) []map[string]any { return objects(view["blocks"]) }

// Elements are what somebody can press, choose or fill in in a block.
func Elements(block map[string]any) []map[string]any {
	switch block["type"] {
	case "actions":
		return objects(block["elements"])
	case "section":
		return objects([]any{block["accessory"]})
	case "input":
		return objects([]any{block["element"]})
	}
	return nil
}

// objects are the objects of a list.
func objects(list any) []map[string]any {
	items, _ := list.([]any)
	var out []map[string]any
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func check(blocks []map[string]any, most int, kinds []string) []string {
	var faults []string
	if len(blocks) > most {
		faults = append(faults, fmt.Sprintf("no more than %d items allowed [json-pointer:/blocks]", most))
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		kind, _ := b["type"].(string)
		found := checkBlock(b)
		if !slices.Contains(kinds, kind) {
			found = []string{fmt.Sprintf("unsupported type: %q", kind)}
		}
		for _, f := range found {
			faults = append(faults, fmt.Sprintf("%s [json-pointer:/blocks/%d]", f, i))
		}
		id, _ := b["block_id"].(string)
		if id != "" && ids[id] {
			faults = append(faults, fmt.Sprintf("block_id %q is not unique [json-pointer:/blocks/%d]", id, i))
		}
		ids[id] = true
	}
	return faults
}

func checkBlock(b map[string]any) []string {
	faults := checkLength(b, "block_id", 255)
	switch b["type"] {
	case "header":
		faults = append(faults, checkText(b["text"], 150, "plain_text")...)
	case "section":
		fields, _ := b["fields"].([]any)
		if b["text"] == nil && len(fields) == 0 {
			return append(faults, "section: text or fields are required")
		}
		if b["text"] != nil {
			faults = append(faults, checkText(b["text"], 3000, "plain_text", "mrkdwn")...)
		}
		if len(fields) > 10 {
			faults = append(faults, "fields: no more than 10 items allowed")
		}
		for _, f := range fields {
			faults = append(faults, checkText(f, 2000, "plain_text", "mrkdwn")...)
		}
		if b["accessory"] != nil {
			faults = append(faults, checkElements(b, []string{"button", "static_select", "checkboxes", "radio_buttons"})...)
		}
	case "context":
		elements, _ := b["elements"].([]any)
		if len(elements) == 0 || len(elements) > 10 {
			faults = append(faults, "context: 1 to 10 elements are required")
		}
		for _, e := range elements {
			faults = append(faults, checkText(e, 3000, "plain_text", "mrkdwn")...)
		}
	case "rich_text":
		faults = append(faults, checkRichText(b)...)
	case "actions":
		if n := len(Elements(b)); n == 0 || n > 25 {
			faults = append(faults, "actions: 1 to 25 elements are required")
		}
		faults = append(faults, checkElements(b, []string{"button", "static_select", "checkboxes", "radio_buttons"})...)
	case "input":
		faults = append(faults, checkText(b["label"], 2000, "plain_text")...)
		if b["hint"] != nil {
			faults = append(faults, checkText(b["hint"], 2000, "plain_text")...)
		}
		if len(Elements(b)) != 1 {
			faults = append(faults, "input: an element is required")
		}
		faults = append(faults, checkElements(b, []string{"plain_text_input", "static_select", "checkboxes", "radio_buttons"})...)
	}
	return faults
}

// checkElements looks at what can be pressed in a block; action ids are unique there.
func checkElements(b map[string]any, kinds []string) []string {
	var faults []string
	ids := map[string]bool{}
	for _, e := range Elements(b) {
		kind, _ := e["type"].(string)
		if !slices.Contains(kinds, kind) {
			faults = append(faults, fmt.Sprintf("unsupported element: %q", kind))
			continue
		}
		id, _ := e["action_id"].(string)
		if id != "" && ids[id] {
			faults = append(faults, fmt.Sprintf("action_id %q is not unique", id))
		}
		ids[id] = true
		faults = append(faults, checkLength(e, "action_id", 255)...)
		faults = append(faults, checkElement(kind, e)...)
		if e["confirm"] != nil {
			faults = append(faults, checkConfirm(e["confirm"])...)
		}
	}
	return faults
}

func checkElement(kind string, e map[string]any) []string {
	var faults []string
	switch kind {
	case "button":
		faults = append(faults, checkText(e["text"], 75, "plain_text")...)
		faults = append(faults, checkLength(e, "value", 2000)...)
		faults = append(faults, checkLength(e, "url", 3000)...)
		if style := e["style"]; style != nil && style != "primary" && style != "danger" {
			faults = append(faults, fmt.Sprintf("style: %v is neither primary nor danger", style))
		}
	case "plain_text_input":
		if e["placeholder"] != nil {
			faults = append(faults, checkText(e["placeholder"], 150, "plain_text")...)
		}
		for _, name := range []string{"min_length", "max_length"} {
			if n, ok := e[name].(float64); ok && (n < 0 || n > 3000) {
				faults = append(faults, name+": must be from 0 to 3000")
			}
		}
	case "static_select":
		if e["placeholder"] != nil {
			faults = append(faults, checkText(e["placeholder"], 150, "plain_text")...)
		}
		faults = append(faults, checkOptions(e, 100, "plain_text")...)
	case "checkboxes", "radio_buttons":
		faults = append(faults, checkOptions(e, 10, "plain_text", "mrkdwn")...)
	}
	return faults
}

func checkOptions(e map[string]any, most int, kinds ...string) []string {
	var faults []string
	options, values := objects(e["options"]), map[string]bool{}
	if len(options) == 0 || len(options) > most {
		faults = append(faults, fmt.Sprintf("options: 1 to %d items are required", most))
	}
	for _, o := range options {
		faults = append(faults, checkText(o["text"], 75, kinds...)...)
		if o["description"] != nil {
			faults = append(faults, checkText(o["description"], 75, kinds...)...)
		}
		value, _ := o["value"].(string)
		if n := utf8.RuneCountInString(value); n == 0 || n > 150 {
			faults = append(faults, "value: must be 1 to 150 characters")
		}
		if values[value] {
			faults = append(faults, fmt.Sprintf("value %q is not unique", value))
		}
		values[value] = true
	}
	first := objects(e["initial_options"])
	if o, ok := e["initial_option"].(map[string]any); ok {
		first = append(first, o)
	}
	for _, o := range first {
		if value, _ := o["value"].(string); !values[value] {
			faults = append(faults, fmt.Sprintf("initial option %q is not among the options", value))
		}
	}
	return faults
}

func checkConfirm(v any) []string {
	c, _ := v.(map[string]any)
	faults := append(checkText(c["title"], 100, "plain_text"), checkText(c["text"], 300, "plain_text", "mrkdwn")...)
	faults = append(faults, checkText(c["confirm"], 30, "plain_text")...)
	return append(faults, checkText(c["deny"], 30, "plain_text")...)
}

func checkLength(m map[string]any, name string, most int) []string {
	text, isText := m[name].(string)
	switch {
	case m[name] != nil && !isText:
		return []string{name + ": must be a string"}
	case utf8.RuneCountInString(text) > most:
		return []string{fmt.Sprintf("%s: must be less than %d characters", name, most+1)}
	}
	return nil
}
