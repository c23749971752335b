package blockkit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/notify/slack/slacktest/blockkit"
)

// Slack refuses what is too long, too many, twice or in the wrong place; at the limit it takes it.
func TestMessage(t *testing.T) {
	t.Parallel()
	n := func(n int) string { return strings.Repeat("x", n) }
	button := func(more string) string {
		return `{"type":"button","text":{"type":"plain_text","text":"Go"}` + more + `}`
	}
	actions := func(elements ...string) string {
		return `{"type":"actions","elements":[` + strings.Join(elements, ",") + `]}`
	}
	tick := func(value string) string {
		return `{"text":{"type":"plain_text","text":"t"},"value":"` + value + `"}`
	}
	for name, test := range map[string]struct{ block, want string }{
		"a button":                 {actions(button(`,"action_id":"a","value":"` + n(2000) + `","style":"danger"`)), ""},
		"two":                      {actions(button(`,"action_id":"a"`), button(`,"action_id":"b"`)), ""},
		"the same id":              {actions(button(`,"action_id":"a"`), button(`,"action_id":"a"`)), "is not unique"},
		"none":                     {actions(), "1 to 25"},
		"too many":                 {actions(slices.Repeat([]string{button("")}, 26)...), "1 to 25"},
		"a long value":             {actions(button(`,"value":"` + n(2001) + `"`)), "value: must be less"},
		"a long id":                {actions(button(`,"action_id":"` + n(256) + `"`)), "action_id: must be less"},
		"a style of its own":       {actions(button(`,"style":"loud"`)), "neither primary nor danger"},
		"a long text":              {actions(`{"type":"button","text":{"type":"plain_text","text":"` + n(76) + `"}}`), "less than 76"},
		"markup on it":             {actions(`{"type":"button","text":{"type":"mrkdwn","text":"*x*"}}`), "unsupported type"},
		"a long question":          {actions(button(`,"confirm":{"title":{"type":"plain_text","text":"t"},"text":{"type":"plain_text","text":"` + n(301) + `"},"confirm":{"type":"plain_text","text":"y"},"deny":{"type":"plain_text","text":"n"}}`)), "less than 301"},
		"a question without words": {actions(button(`,"confirm":{}`)), "unsupported type"},
		"ticks":                    {actions(`{"type":"checkboxes","options":[` + tick("1") + "," + tick("2") + `]}`), ""},
		"eleven ticks": {actions(`{"type":"checkboxes","options":[` + func() string {
			var all []string
			for i := range 11 {
				all = append(all, tick(fmt.Sprint(i)))
			}
			return strings.Join(all, ",")
		}() + `]}`), "1 to 10"},
		"ticks of one value":  {actions(`{"type":"checkboxes","options":[` + tick("1") + "," + tick("1") + `]}`), "is not unique"},
		"ticked from nowhere": {actions(`{"type":"checkboxes","options":[` + tick("1") + `],"initial_options":[` + tick("2") + `]}`), "not among"},
		"a field to type in":  {`{"type":"input","label":{"type":"plain_text","text":"l"},"element":{"type":"plain_text_input"}}`, "unsupported type"},
		"something new":       {`{"type":"hologram"}`, "unsupported type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var block map[string]any
			if err := json.Unmarshal([]byte(test.block), &block); err != nil {
				t.Fatal(err)
			}
			got := strings.Join(blockkit.Message([]map[string]any{block}), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestModal(t *testing.T) {
	t.Parallel()
	text := func(s string) map[string]any { return map[string]any{"type": "plain_text", "text": s} }
	divider := map[string]any{"type": "divider"}
	input := map[string]any{"type": "input", "block_id": "why", "label": text("Why"), "element": map[string]any{"type": "plain_text_input", "action_id": "a"}}
	for name, test := range map[string]struct {
		change func(map[string]any)
		want   string
	}{
		"as it should be":    {func(map[string]any) {}, ""},
		"a long title":       {func(v map[string]any) { v["title"] = text(strings.Repeat("x", 25)) }, "less than 25"},
		"no title":           {func(v map[string]any) { delete(v, "title") }, "unsupported type"},
		"nothing to submit":  {func(v map[string]any) { delete(v, "submit") }, "submit is required"},
		"much that is kept":  {func(v map[string]any) { v["private_metadata"] = strings.Repeat("x", 3001) }, "private_metadata"},
		"a hundred blocks":   {func(v map[string]any) { v["blocks"] = slices.Repeat([]any{divider}, 100) }, ""},
		"more than that":     {func(v map[string]any) { v["blocks"] = slices.Repeat([]any{divider}, 101) }, "no more than 100"},
		"no blocks":          {func(v map[string]any) { v["blocks"] = []any{} }, "blocks are required"},
		"an id twice":        {func(v map[string]any) { v["blocks"] = []any{input, input} }, "is not unique"},
		"a home":             {func(v map[string]any) { v["type"] = "home" }, "unsupported type"},
		"what nobody knows":  {func(v map[string]any) { v["color"] = "red" }, "additional property"},
		"a hash of its own":  {func(v map[string]any) { v["hash"] = "1.2" }, "additional property"},
		"a long name inside": {func(v map[string]any) { v["callback_id"] = strings.Repeat("x", 256) }, "callback_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := map[string]any{"type": "modal", "title": text("Deny"), "submit": text("Deny"), "blocks": []any{input}}
			test.change(v)
			got := strings.Join(blockkit.Modal(v), "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("%q", got)
			}
		})
	}
}
