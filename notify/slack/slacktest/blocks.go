package slacktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// checkBlocks holds blocks against Block Kit's limits and gives those without an id one, as Slack does.
func (s api) checkBlocks(raw string) ([]map[string]any, result) {
	var blocks []map[string]any
	if err := json.Unmarshal([]byte(raw), &blocks); err != nil {
		return nil, failure("invalid_blocks_format")
	}
	var faults []string
	if len(blocks) > 50 {
		faults = append(faults, "no more than 50 items allowed [json-pointer:/blocks]")
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		for _, f := range checkBlock(b) {
			faults = append(faults, fmt.Sprintf("%s [json-pointer:/blocks/%d]", f, i))
		}
		id, _ := b["block_id"].(string)
		if id == "" {
			s.serial++
			id = fmt.Sprintf("b%04d", s.serial)
			b["block_id"] = id
		}
		if ids[id] {
			faults = append(faults, fmt.Sprintf("block_id %q is not unique [json-pointer:/blocks/%d]", id, i))
		}
		ids[id] = true
	}
	if len(faults) > 0 {
		r := failure("invalid_blocks")
		r["response_metadata"] = map[string]any{"messages": faults}
		return nil, r
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(raw)); err == nil && utf8.RuneCount(compact.Bytes()) > s.opts.MaxBlocks {
		return nil, failure("msg_blocks_too_long")
	}
	return blocks, nil
}

func checkBlock(b map[string]any) []string {
	var faults []string
	if id, _ := b["block_id"].(string); len(id) > 255 {
		faults = append(faults, "block_id: must be less than 256 characters")
	}
	kind, _ := b["type"].(string)
	switch kind {
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
		faults = append(faults, checkActions(b)...)
	case "divider":
	default:
		faults = append(faults, fmt.Sprintf("unsupported type: %q", kind))
	}
	return faults
}

func checkText(v any, limit int, kinds ...string) []string {
	t, _ := v.(map[string]any)
	kind, _ := t["type"].(string)
	text, _ := t["text"].(string)
	allowed := false
	for _, k := range kinds {
		allowed = allowed || k == kind
	}
	switch {
	case !allowed:
		return []string{fmt.Sprintf("text: unsupported type %q", kind)}
	case text == "":
		return []string{"text: must be more than 0 characters"}
	case utf8.RuneCountInString(text) > limit:
		return []string{fmt.Sprintf("text: must be less than %d characters", limit+1)}
	}
	_, hasEmoji := t["emoji"]
	if _, hasVerbatim := t["verbatim"]; kind == "mrkdwn" && hasEmoji || kind == "plain_text" && hasVerbatim {
		return []string{"text: emoji is for plain_text, verbatim for mrkdwn"}
	}
	return nil
}

func checkRichText(b map[string]any) []string {
	elements, _ := b["elements"].([]any)
	if len(elements) == 0 {
		return []string{"rich_text: elements are required"}
	}
	for _, e := range elements {
		m, _ := e.(map[string]any)
		switch m["type"] {
		case "rich_text_section", "rich_text_preformatted", "rich_text_quote":
		case "rich_text_list":
			continue
		default:
			return []string{fmt.Sprintf("rich_text: unsupported element %v", m["type"])}
		}
		parts, _ := m["elements"].([]any)
		for _, p := range parts {
			part, _ := p.(map[string]any)
			if text, _ := part["text"].(string); part["type"] == "text" && text == "" {
				return []string{"rich_text: text must be more than 0 characters"}
			}
		}
	}
	return nil
}
