package words_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/notify/words"
)

func TestWords(t *testing.T) {
	list := []string{"a", "b", "c"}
	moment := time.Date(2026, 3, 1, 4, 10, 59, 0, time.FixedZone("CET", 3600))
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
		"a moment":             {words.Instant(moment), "2026-03-01 03:10 UTC"},
		"a second":             {words.Duration(time.Second), "1 minute"},
		"an hour":              {words.Duration(time.Hour), "1 hour"},
		"an hour and a half":   {words.Duration(90 * time.Minute), "1 hour 30 minutes"},
		"the age of a day":     {words.Age(47 * time.Hour), "47 hours"},
		"of three days":        {words.Age(73 * time.Hour), "3 days"},
		"ago":                  {words.Ago(moment, moment.Add(4*time.Second)), "4 seconds ago"},
		"ahead":                {words.Ago(moment, moment.Add(-time.Hour)), "1 hour from now"},
		"a day ahead, nearly":  {words.Ago(moment, moment.Add(-24*time.Hour+20*time.Second)), "24 hours from now"},
		"near":                 {words.Ago(moment, moment.Add(-91*time.Minute)), "1 hour 31 minutes from now"},
		"seconds ahead":        {words.Ago(moment, moment.Add(-59*time.Second)), "59 seconds from now"},
		"half a week ahead":    {words.Ago(moment, moment.Add(-85*time.Hour)), "4 days from now"},
		"far":                  {words.Ago(moment, moment.Add(-20*24*time.Hour)), "2 weeks from now"},
		"right now":            {words.Ago(moment, moment), "now"},
		"never":                {words.Ago(time.Time{}, moment), "never"},
		"for":                  {words.For(moment, moment.Add(4*time.Second)), "for 4 seconds"},
		"for no time":          {words.For(moment, moment), "just now"},
		"span":                 {words.Span(187 * time.Second), "3 minutes 7 seconds"},
		"round span":           {words.Span(3 * time.Minute), "3 minutes"},
		"long span":            {words.Span(3*time.Hour + time.Second), "3 hours 1 second"},
		"short span":           {words.Span(4249 * time.Millisecond), "4.2 seconds"},
		"a second's span":      {words.Span(1020 * time.Millisecond), "1 second"},
		"shortest span":        {words.Span(time.Millisecond), "less than a second"},
		"no span":              {words.Span(0), "0 seconds"},
		"of":                   {words.Of(1, 2, "approval"), "1 of 2 approvals"},
		"of one":               {words.Of(0, 1, "approval"), "0 of 1 approval"},
		"of them":              {words.OfThem(1, 2, "line is shown", "lines are shown"), "1 of 2 lines are shown"},
		"least span":           {words.Span(100 * time.Millisecond), "0.1 seconds"},
		"one more":             {words.More(1, "stack"), "1 more stack"},
		"more":                 {words.More(2, "stack"), "2 more stacks"},
		"sentence":             {words.Sentence("why"), "why."},
		"question":             {words.Sentence("which run?"), "which run?"},
		"a sentence already":   {words.Sentence("why. "), "why."},
		"labelled":             {words.Labelled("they are: ", list, 3), "they are: a, b, c"},
		"labelled nothing":     {words.Labelled("they are: ", nil, 3), ""},
		"waits for nobody":     {words.WaitsFor(1, nil), ""},
		"waits for nothing":    {words.WaitsFor(0, list), ""},
		"waits for somebody":   {words.WaitsFor(2, list[:1]), "waits for a"},
		"waits for one":        {words.WaitsFor(1, list), "waits for one of a, b, c"},
		"waits for two":        {words.WaitsFor(2, list), "waits for 2 of a, b, c"},
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

func TestCutMiddle(t *testing.T) {
	for in, want := range map[string]string{"": "", "short": "short", "ninechars": "ninechars", "ten chars!": "ten…hars!", "ÄÖÜäöüßéèê": "ÄÖÜ…üßéèê"} {
		if got := words.CutMiddle(in, 9); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
