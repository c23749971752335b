package blockkit

import (
	"regexp"
	"strings"
)

// Visible is what a person sees of blocks; times in UTC.
func Visible(blocks []map[string]any) string {
	var parts []string
	for _, b := range blocks {
		Walk(b, func(node map[string]any) {
			if text, ok := node["text"].(string); ok {
				if node["type"] == "mrkdwn" {
					text = Unescape(dateToken.ReplaceAllString(text, "$1"))
				}
				parts = append(parts, text)
			}
		})
	}
	return strings.Join(parts, "\n")
}

// dateToken is a time that Slack shows in the reader's zone; who knows no tokens reads what stands behind the bar.
var dateToken = regexp.MustCompile(`<!date\^[0-9]+\^[^<>|]*\|([^<>|]*)>`)

// Unescape is a text as a person sees it.
func Unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// Walk visits the objects of a block in the order in which they are shown.
func Walk(v any, visit func(map[string]any)) {
	switch node := v.(type) {
	case map[string]any:
		visit(node)
		for _, key := range []string{"text", "label", "hint", "fields", "elements", "accessory", "element", "options", "description"} {
			Walk(node[key], visit)
		}
	case []any:
		for _, e := range node {
			Walk(e, visit)
		}
	}
}
