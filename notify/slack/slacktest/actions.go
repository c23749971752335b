package slacktest

import (
	"fmt"
	"unicode/utf8"
)

// checkActions holds the buttons of a message against Block Kit's limits.
func checkActions(b map[string]any) []string {
	elements, _ := b["elements"].([]any)
	if len(elements) == 0 || len(elements) > 25 {
		return []string{"actions: 1 to 25 elements are required"}
	}
	var faults []string
	ids := map[string]bool{}
	for _, e := range elements {
		m, _ := e.(map[string]any)
		if m["type"] != "button" {
			faults = append(faults, fmt.Sprintf("actions: unsupported element %v", m["type"]))
			continue
		}
		faults = append(faults, checkText(m["text"], 75, "plain_text")...)
		id, _ := m["action_id"].(string)
		value, _ := m["value"].(string)
		if utf8.RuneCountInString(id) > 255 || utf8.RuneCountInString(value) > 2000 {
			faults = append(faults, "actions: action_id or value is too long")
		}
		if ids[id] && id != "" {
			faults = append(faults, fmt.Sprintf("actions: action_id %q already exists", id))
		}
		ids[id] = true
		if style, given := m["style"]; given && style != "primary" && style != "danger" {
			faults = append(faults, fmt.Sprintf("actions: unsupported style %v", style))
		}
		if confirm, given := m["confirm"].(map[string]any); given {
			faults = append(faults, checkText(confirm["title"], 100, "plain_text")...)
			faults = append(faults, checkText(confirm["text"], 300, "plain_text", "mrkdwn")...)
			faults = append(faults, checkText(confirm["confirm"], 30, "plain_text")...)
			faults = append(faults, checkText(confirm["deny"], 30, "plain_text")...)
		}
	}
	return faults
}
