package slack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// buttonsOf are the buttons of a message: their actions, and the one value that all of them carry.
func buttonsOf(t *testing.T, m slacktest.Message) (actions []string, value, block string) {
	t.Helper()
	raw, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []struct {
		Type     string `json:"type"`
		BlockID  string `json:"block_id"`
		Elements []struct {
			ActionID string `json:"action_id"`
			Value    string `json:"value"`
		} `json:"elements"`
	}
	if err := json.Unmarshal(raw, &blocks); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if b.Type != "actions" {
			continue
		}
		block = b.BlockID
		for _, e := range b.Elements {
			if value != "" && value != e.Value {
				t.Errorf("values %q and %q", value, e.Value)
			}
			actions, value = append(actions, e.ActionID), e.Value
		}
	}
	return actions, value, block
}

// A card has buttons where clicks are heard, in every size of it; one that has ended loses them with the same edit.
func TestCardButtons(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := testCard()
	card.Buttons = true
	ts := must[string](t)(c.PostCard(deadline(t), ops, card))
	m, _ := s.Message(ops, ts)
	actions, value, block := buttonsOf(t, m)
	if got := fmt.Sprint(actions); got != "[sallyport_approve_words sallyport_deny sallyport_details]" || value != "12:"+card.Plan.Digest || button.MarkOf(block) != button.Mark(card.Agent) {
		t.Errorf("buttons %s, value %q, block %q", got, value, block)
	}
	for name, with := range map[string]func(*notify.Card){
		"huge":       func(c *notify.Card) { c.Plan = manyChanges(10000, numbered) },
		"long names": func(c *notify.Card) { c.Stack, c.Label = strings.Repeat("<s>", 300), strings.Repeat("L", 300) },
		"wide": func(c *notify.Card) {
			c.Plan = manyChanges(100, func(int) string { return strings.Repeat("<&>\"\\ü", 2000) })
			c.Subject, c.Reason, c.Hint = strings.Repeat("&", 9000), strings.Repeat("<", 9000), strings.Repeat(">", 9000)
		},
		"plain": func(c *notify.Card) {
			c.Plan = &store.Plan{Digest: c.Plan.Digest, Changes: []store.Change{{Address: strings.Repeat("<&>\"\\ü", 50), Actions: []string{"create"}}}}
			c.Stack, c.Label = strings.Repeat("<s>", 300), strings.Repeat("L", 300)
		},
	} {
		big := testCard()
		big.Buttons = true
		with(&big)
		before := s.Calls("chat.update")
		if err := c.UpdateCard(deadline(t), ops, ts, big); err != nil || s.Calls("chat.update") != before+1 {
			t.Errorf("%s: %d tries: %v", name, s.Calls("chat.update")-before, err)
		}
		m, _ = s.Message(ops, ts)
		if actions, _, _ := buttonsOf(t, m); len(actions) != 3 {
			t.Errorf("%s: buttons %v", name, actions)
		}
	}
	card.Status = store.Discarded
	if err := c.UpdateCard(deadline(t), ops, ts, card); err != nil {
		t.Fatal(err)
	}
	m, _ = s.Message(ops, ts)
	if actions, _, _ := buttonsOf(t, m); len(actions) != 0 {
		t.Errorf("it has ended, with buttons %v", actions)
	}
}

// Without somebody who hears clicks a card has no row of buttons, not an empty one either.
func TestNoButtonsWithoutClicks(t *testing.T) {
	s := workspace(t, nil)
	c := client(t, s, nil)
	card := testCard()
	m, _ := s.Message(ops, must[string](t)(c.PostCard(deadline(t), ops, card)))
	var kinds []string
	for _, b := range m.Blocks {
		kinds = append(kinds, fmt.Sprint(b["type"]))
	}
	if got := strings.Join(kinds, " "); strings.Contains(got, "actions") || strings.Contains(fmt.Sprint(m.Blocks), "sallyport:buttons") {
		t.Errorf("blocks: %s", got)
	}
}
