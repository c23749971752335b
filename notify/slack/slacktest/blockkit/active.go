package blockkit

import (
	"encoding/json"
	"regexp"
)

// control is Slack's markup that does something: mentions, links, dates.
var (
	control = regexp.MustCompile(`<[^<>]*>`)
	bareURL = regexp.MustCompile(`(?i)\b(?:https?://|mailto:)\S+|\bwww\.\S+`)
)

// Markup is what does something in a text.
func Markup(text string) []string { return control.FindAllString(text, -1) }

// Active is everything in blocks that mentions somebody or links somewhere when Slack shows it.
func Active(blocks []map[string]any) []string {
	var out []string
	for _, b := range blocks {
		Walk(b, func(node map[string]any) { out = append(out, activeNode(node)...) })
	}
	return out
}

func activeNode(node map[string]any) []string {
	switch node["type"] {
	case "mrkdwn":
		text, _ := node["text"].(string)
		out := control.FindAllString(text, -1)
		if node["verbatim"] != true {
			out = append(out, bareURL.FindAllString(control.ReplaceAllString(text, ""), -1)...)
		}
		return out
	case "plain_text":
		if node["emoji"] == true {
			return []string{"emoji"}
		}
	case "link", "user", "usergroup", "broadcast", "channel", "team", "emoji", "date":
		b, _ := json.Marshal(node) // a map that came from JSON
		return []string{string(b)}
	}
	return nil
}
