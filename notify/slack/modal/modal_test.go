package modal_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/golden"
	"sallyport/notify/slack/modal"
	"sallyport/store"
)

var about = button.Context{Target: button.Target{Run: 12, Digest: strings.Repeat("3f2a9c01", 8)}, Mark: button.Mark("agent")}

func card(changes ...store.Change) notify.Card {
	return notify.Card{
		Run: 12, Label: "PROD", Stack: "ghe", Status: store.Planned, Plan: &store.Plan{Digest: about.Digest, Changes: changes}, ShowAddresses: true, Buttons: true,
	}
}

func destroyed(n int, protected bool, address func(int) string) []store.Change {
	var out []store.Change
	for i := range n {
		out = append(out, store.Change{Address: address(i), Actions: []string{"delete"}, Class: store.ClassConfig, Protected: protected})
	}
	return out
}

func numbered(i int) string { return fmt.Sprintf("aws_ebs_volume.v[%d]", i) }

func hidden(c notify.Card) notify.Card {
	c.ShowAddresses = false
	return c
}

func views() map[string]slackapi.ModalViewRequest {
	evil := func(i int) string {
		return fmt.Sprintf(`module.a["<!channel> <@U01JANE> <https://evil.example|x>%s"].v[%d]`, strings.Repeat("\u202e*_:bomb:🟥", 40), i)
	}
	mixed := append(destroyed(2, true, numbered), append(destroyed(1, false, func(int) string { return "aws_instance.old" }),
		store.Change{Address: "aws_instance.new", Actions: []string{"create"}})...)
	plan := modal.Pages(strings.Repeat("  # aws_instance.a will be created\n  + resource \"aws_instance\" \"a\" {\n      + ami = \"x\"\n    }\n\n", 100))
	return map[string]slackapi.ModalViewRequest{
		"approve, destroys":       modal.Approve(card(destroyed(2, false, numbered)...), about),
		"approve, names":          modal.Approve(card(mixed...), about),
		"approve, hidden":         modal.Approve(hidden(card(mixed...)), about),
		"approve, hidden destroy": modal.Approve(hidden(card(destroyed(2, false, numbered)...)), about),
		"approve, fifty":          modal.Approve(card(destroyed(button.MaxTicks, true, evil)...), about),
		"approve, thousands":      modal.Approve(card(append(destroyed(3000, true, evil), destroyed(3000, false, evil)...)...), about),
		"approve, only counts":    modal.Approve(notify.Card{Run: 12, Stack: "ghe", Plan: &store.Plan{Destroy: 3}, ShowAddresses: true}, about),
		"deny":                    modal.Deny(card(mixed...), about),
		"cancel":                  modal.Cancel(notify.Card{Run: 12, Stack: "ghe", Status: store.Applying, Apply: &store.Apply{Done: 1, Total: 3}}, about),
		"details, first":          modal.DetailsOf(12, modal.Page{Title: "PROD ghe #12", Counts: "100 to create", Text: plan[0], Number: 1, Of: len(plan)}, about),
		"details, last":           modal.DetailsOf(12, modal.Page{Title: "PROD ghe #12", Counts: "100 to create", Text: plan[len(plan)-1], Number: len(plan), Of: len(plan)}, about),
		"details, one":            modal.DetailsOf(12, modal.Page{Title: "ghe #12", Counts: "nothing to change", Text: "No changes.", Number: 1, Of: 1}, about),
		"details, evil":           modal.DetailsOf(999999999, modal.Page{Title: strings.Repeat("🟥", 9000), Text: strings.Repeat("🟥", 9000), Number: 2, Of: 3}, about),
		"result":                  modal.Result(12, "Your approval counts: #12 ghe is approved."),
		"result, long":            modal.Result(0, strings.Repeat("<!channel>", 9000)),
	}
}

// Each view keeps below Slack's limits, and is what it was.
func TestViews(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) {
			got, err := json.MarshalIndent(v, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var raw map[string]any
			if err := json.Unmarshal(got, &raw); err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults(raw) {
				t.Error(fault)
			}
			if len(got) > 60_000 {
				t.Errorf("%d bytes", len(got))
			}
			for _, big := range []string{"fifty", "thousands", "evil", "long", "first"} {
				if strings.Contains(name, big) {
					return
				}
			}
			golden.Is(t, filepath.Join("testdata", name+".json"), string(got)+"\n")
		})
	}
}

// faults are what Slack would refuse of a view, as its reference says.
func faults(v map[string]any) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	text := func(where string, value any, most int) {
		m, _ := value.(map[string]any)
		s, _ := m["text"].(string)
		if n := utf8.RuneCountInString(s); n == 0 || n > most || m["type"] != "plain_text" {
			fault("%s: %d characters of %v", where, n, m["type"])
		}
	}
	text("title", v["title"], 24)
	for _, of := range []string{"submit", "close"} {
		if v[of] != nil {
			text(of, v[of], 24)
		}
	}
	if s, _ := v["private_metadata"].(string); len(s) > 3000 {
		fault("private_metadata has %d characters", len(s))
	}
	blocks, _ := v["blocks"].([]any)
	if len(blocks) == 0 || len(blocks) > 100 {
		fault("%d blocks", len(blocks))
	}
	ids, input := map[string]bool{}, false
	for i, b := range blocks {
		m := b.(map[string]any)
		if id, _ := m["block_id"].(string); id != "" {
			if ids[id] || len(id) > 255 {
				fault("block_id %q", id)
			}
			ids[id] = true
		}
		where := fmt.Sprintf("block %d", i)
		switch m["type"] {
		case "section":
			text(where, m["text"], 3000)
		case "rich_text":
			part := m["elements"].([]any)[0].(map[string]any)["elements"].([]any)[0].(map[string]any)
			if n := utf8.RuneCountInString(part["text"].(string)); n == 0 || n > 3000 || part["type"] != "text" {
				fault("%s: %d characters", where, n)
			}
		case "actions":
			for _, e := range m["elements"].([]any) {
				text(where, e.(map[string]any)["text"], 75)
			}
		case "input":
			input = true
			text(where, m["label"], 2000)
			e := m["element"].(map[string]any)
			if id, _ := e["action_id"].(string); id == "" || len(id) > 255 {
				fault("%s: action_id %q", where, id)
			}
			switch e["type"] {
			case "checkboxes":
				options := e["options"].([]any)
				if len(options) == 0 || len(options) > 10 {
					fault("%s: %d options", where, len(options))
				}
				for _, o := range options {
					text(where+", option", o.(map[string]any)["text"], 75)
					if value := o.(map[string]any)["value"].(string); value == "" || len(value) > 75 {
						fault("%s: value %q", where, value)
					}
				}
			case "plain_text_input":
				if n := e["max_length"].(float64); n < 1 || n > 3000 {
					fault("%s: max_length %v", where, n)
				}
			default:
				fault("%s: element %v", where, e["type"])
			}
		default:
			fault("%s: %v", where, m["type"])
		}
	}
	if (v["submit"] != nil) != input && v["callback_id"] != modal.CallbackCancel {
		fault("submit: %v, something to fill in: %t", v["submit"], input)
	}
	return out
}

// Every address that is ticked stands in the list above the ticks: nobody approves what they did not see.
func TestWhatIsTickedIsListed(t *testing.T) {
	long := func(i int) string { return fmt.Sprintf("module.%s.v[%d]", strings.Repeat("long", 300), i) }
	for _, address := range []func(int) string{numbered, long} {
		b, err := json.Marshal(modal.Approve(card(append(destroyed(button.MaxTicks, true, address), destroyed(500, false, address)...)...), about))
		if err != nil {
			t.Fatal(err)
		}
		for i := range button.MaxTicks {
			if line, option := fmt.Sprintf("%3d. -   destroy", i+1), fmt.Sprintf("%d. ", i+1); !strings.Contains(string(b), line) || !strings.Contains(string(b), `"text":"`+option) {
				t.Errorf("%d is ticked or listed alone", i+1)
			}
		}
		if !strings.Contains(string(b), "more: Details on the card") {
			t.Error("nothing says that the list is cut")
		}
	}
}

// Nothing of a plan is lost between its pages.
func TestPages(t *testing.T) {
	for name, text := range map[string]string{
		"short":        "No changes.",
		"blocks":       strings.Repeat("  # a.b will be created\n  + resource {\n    }\n\n", 1000),
		"one line":     strings.Repeat("x", 60_000),
		"lines":        strings.Repeat(strings.Repeat("y", 120)+"\n", 900),
		"wide letters": strings.Repeat("🟥", 30_000),
		"few lines":    strings.Repeat(strings.Repeat("z", 4000)+"\n", 20),
	} {
		pages := modal.Pages(text)
		got := strings.ReplaceAll(strings.Join(pages, ""), "\n", "")
		if want := strings.ReplaceAll(text, "\n", ""); got != want {
			t.Errorf("%s: %d characters of %d are left", name, len(got), len(want))
		}
		for i, p := range pages {
			if n := utf8.RuneCountInString(p); n == 0 || n > 5500 {
				t.Errorf("%s: page %d has %d characters", name, i+1, n)
			}
		}
	}
	if got := modal.Pages(" \n\n"); len(got) != 1 || !strings.Contains(got[0], "not kept") {
		t.Errorf("nothing: %q", got)
	}
	huge := modal.Pages(strings.Repeat("x", 5500*(modal.MaxPages+5)))
	if len(huge) != modal.MaxPages || !strings.Contains(huge[modal.MaxPages-1], "the file in the thread") {
		t.Errorf("%d pages, the last: %.80q", len(huge), huge[len(huge)-1])
	}
	if got := modal.Pages(strings.Repeat("a\n", 2000) + "\n" + strings.Repeat("b\n", 2000)); strings.Contains(got[0], "b") {
		t.Error("no page ends at an empty line")
	}
}
