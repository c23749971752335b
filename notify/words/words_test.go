package words_test

import (
	"strings"
	"testing"

	"sallyport/notify/words"
)

func TestWords(t *testing.T) {
	list := []string{"a", "b", "c"}
	tests := map[string]struct{ got, want string }{
		"commit":               {words.Short("1a2b3c4d5e6f70819203a4b5c6d7e8f901234567"), "1a2b3c4d5e"},
		"commit that is short": {words.Short("1a2b"), "1a2b"},
		"no commit":            {words.Short(""), ""},
		"none":                 {words.Count(0, "stack"), "0 stacks"},
		"one":                  {words.Count(1, "stack"), "1 stack"},
		"some":                 {words.Count(2, "stack"), "2 stacks"},
		"thousands":            {words.Count(1200, "stack"), "1,200 stacks"},
		"another plural":       {words.CountOf(2, "entry", "entries"), "2 entries"},
		"another singular":     {words.CountOf(1, "message waits", "messages wait"), "1 message waits"},
		"empty list":           {words.List(nil, 3), ""},
		"whole list":           {words.List(list, 3), "a, b, c"},
		"longer list":          {words.List(list, 2), "a, b and 1 more"},
		"fits":                 {words.Cut("größer", 6), "größer"},
		"cut":                  {words.Cut("größeres", 6), "größe…"},
		"cut to nothing":       {words.Cut("größer", 0), "…"},
		"one line":             {words.FirstLine(" why \n", 10), "why"},
		"more lines":           {words.FirstLine("why\nhow", 10), "why …"},
		"long line":            {words.FirstLine("why it failed\nhow", 5), "why …"},
		"line without end":     {words.FirstLine("0123456789a", 10), "012345678…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
	if kept := strings.Join(list, ""); kept != "abc" {
		t.Errorf("the list itself was changed to %s", kept)
	}
}
