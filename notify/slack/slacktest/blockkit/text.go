package blockkit

import (
	"fmt"
	"unicode/utf8"
)

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
