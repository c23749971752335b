package people_test

import (
	"maps"
	"testing"

	"sallyport/notify/people"
)

// TestNames: where a text leaves for people, accounts and Slack's markup have become names; whatever only looks like one stays.
func TestNames(t *testing.T) {
	names := people.Known(map[string]string{
		"slack:U01ABC": "jane", "slack:S01": "platform", "slack:C01": "#ops", "cli:ann": "Ann Lee", "slack:U1": "eve", "gitlab:ann.lee": "Ann Lee",
	})
	tests := map[string]struct{ text, plain, at string }{
		"known":                  {"denied by slack:U01ABC: wrong zone", "denied by jane: wrong zone", "denied by @jane: wrong zone"},
		"at the beginning":       {"slack:U01ABC asked for another plan", "jane asked for another plan", "@jane asked for another plan"},
		"two":                    {"slack:U01ABC slack:U1", "jane eve", "@jane @eve"},
		"nobody knows":           {"by slack:U9XYZ.", "by U9XYZ.", "by U9XYZ."},
		"shell":                  {"canceled by cli:bob.", "canceled by bob.", "canceled by bob."},
		"shell with a person":    {"(cli:ann)", "(Ann Lee)", "(Ann Lee)"},
		"sudo with a person":     {"cli:root (logged in as ann) paused", "Ann Lee paused", "Ann Lee paused"},
		"sudo without":           {"by cli:root (logged in as bob)", "by root (logged in as bob)", "by root (logged in as bob)"},
		"another account":        {"by cli:bob (logged in as ann)", "by bob (logged in as ann)", "by bob (logged in as ann)"},
		"a service":              {"by cli:root (no login)", "by root (no login)", "by root (no login)"},
		"at GitHub":              {"by github:bob-by.", "by bob-by.", "by bob-by."},
		"at GitLab":              {"by gitlab:ann.lee.", "by Ann Lee.", "by Ann Lee."},
		"at Gitea":               {"by gitea:bob_b, twice", "by bob_b, twice", "by bob_b, twice"},
		"policy":                 {"approved by policy:recreate.", "approved by policy:recreate.", "approved by policy:recreate."},
		"mention":                {"ask <@U01ABC>", "ask jane", "ask @jane"},
		"mention with a label":   {"ask <@U9|@bob>", "ask bob", "ask @bob"},
		"mention of nobody":      {"ask <@U9>", "ask U9", "ask U9"},
		"group":                  {"<!subteam^S01> said so", "platform said so", "@platform said so"},
		"channel":                {"see <#C01|> and <#C9|net>", "see #ops and #net", "see #ops and #net"},
		"everybody":              {"<!here> look", "here look", "here look"},
		"link":                   {"<https://x.y/z|x.y/z> <https://x.y>", "x.y/z https://x.y", "x.y/z https://x.y"},
		"mail":                   {"<mailto:a@b.c|a@b.c> <mailto:a@b.c>", "a@b.c a@b.c", "a@b.c a@b.c"},
		"in an address":          {`box.a["slack:U1"] box.b["cli:ann"]`, `box.a["slack:U1"] box.b["cli:ann"]`, `box.a["slack:U1"] box.b["cli:ann"]`},
		"in a word":              {"myslack:U1 x/cli:ann", "myslack:U1 x/cli:ann", "myslack:U1 x/cli:ann"},
		"no id":                  {"slack: reading: no answer", "slack: reading: no answer", "slack: reading: no answer"},
		"less than":              {"a < b > c <x>", "a < b > c <x>", "a < b > c <x>"},
		"a name is no account":   {"cli:slack:U1", "slack:U1", "slack:U1"},
		"nothing is said of any": {"plain words", "plain words", "plain words"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := names.Plain(tt.text); got != tt.plain {
				t.Errorf("plain: %q, want %q", got, tt.plain)
			}
			if got := names.At(tt.text); got != tt.at {
				t.Errorf("in slack: %q, want %q", got, tt.at)
			}
		})
	}
	if got := people.Names(nil).Plain("by slack:U1 and cli:ann"); got != "by U1 and ann" {
		t.Errorf("where nobody is known: %q", got)
	}
	found, err := names.In(map[string]any{"by": "slack:U01ABC", "by2": "cli:root", "login": "ann", "reason": "<@U1> and cli:bob", "x": 1})
	if want := map[string]string{"slack:U01ABC": "jane", "cli:ann": "Ann Lee", "slack:U1": "eve"}; err != nil || !maps.Equal(found, want) {
		t.Errorf("people of an answer: %v, %v, want %v", found, err, want)
	}
}
