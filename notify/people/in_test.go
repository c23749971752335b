package people_test

import (
	"maps"
	"slices"
	"testing"

	"sallyport/notify/people"
)

// TestIn tries that an account is found wherever an answer may speak of it, and nowhere else.
func TestIn(t *testing.T) {
	all := people.Names(func(account string) string { return "somebody" })
	for name, tt := range map[string]struct {
		answer any
		want   []string
	}{
		"nobody":                     {map[string]any{"at": "2026-12-01T10:20:30Z", "address": "module.a[\"x\"].b", "n": 7, "none": nil}, nil},
		"a list":                     {[]string{"slack:U01", "cli:ann", "github:hubot"}, []string{"cli:ann", "github:hubot", "slack:U01"}},
		"the first and the last":     {[]any{"slack:U01", 3, "x", map[string]string{"by": "slack:U02"}}, []string{"slack:U01", "slack:U02"}},
		"after a quote and a comma":  {`said "deny","approve", and "slack:U01",cli:ann`, []string{"cli:ann", "slack:U01"}},
		"after a time of day":        {"10:20:30 slack:U01", []string{"slack:U01"}},
		"after colons":               {":::cli:ann", []string{"cli:ann"}},
		"who had logged in":          {map[string]string{"by": "cli:root (logged in as jane)"}, []string{"cli:jane", "cli:root"}},
		"a login beside the account": {map[string]any{"a": 1, "login": "jane"}, []string{"cli:jane"}},
		"a login first of all":       {map[string]any{"login": "jane", "z": 1}, []string{"cli:jane"}},
		"mentions":                   {[]string{"<@U01>", "<#C01|ops>", "<!subteam^S01>"}, []string{"slack:C01", "slack:S01", "slack:U01"}},
		"no account":                 {[]string{"xcli:ann", "slack:u01", "cloud:U01", "a < b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := all.In(tt.answer)
			if got := slices.Sorted(maps.Keys(found)); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%q, %v instead of %q", got, err, tt.want)
			}
		})
	}
}
