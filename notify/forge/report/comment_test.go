package report_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"sallyport/notify/forge/report"
	"sallyport/notify/golden"
	"sallyport/store"
)

const planText = `Terraform will perform the following actions:

  # aws_instance.ghe will be created
  + resource "aws_instance" "ghe" {
      + ami           = "ami-0123"
      + user_data     = (sensitive value)
    }

  # aws_instance.old will be destroyed
  - resource "aws_instance" "old" {
    }

Plan: 1 to add, 0 to change, 1 to destroy.
`

// hostile is text that tries everything: the fence, the details, the marker, mentions, links, the table.
const hostile = "`````\n```text\n~~~~\n</details>\n</code></summary><!-- sallyport:a -->\n@ops/admins #12 GH-1 ops/infra#3 " +
	"[click](http://evil) ![x](https://evil/x.png) http://evil www.evil.example | cell | \\| &lt;b&gt; <script>alert(1)</script> <img src=x>\r\n\x1b[31m\u202e**bold** _x_ :tada: $$x$$"

func comment() report.Comment {
	return report.Comment{Agent: "5d41402abc4b2a76", Head: "1a2b3c4d5e6f70819203a4b5c6d7e8f901234567", Untouched: 3}
}

func previewed(id int, stack string) report.Run {
	return report.Run{ID: id, Stack: stack, Status: store.Previewed, Plan: plan(), Text: planText}
}

func TestReportGolden(t *testing.T) {
	tests := map[string]func(*report.Comment){
		"nothing": func(r *report.Comment) {},
		"one":     func(r *report.Comment) { r.Runs, r.Untouched = []report.Run{previewed(12, "ghe")}, 1 },
		"several": func(r *report.Comment) {
			ghe := previewed(12, "ghe")
			ghe.Label, ghe.Warnings = "PROD", []string{"no .terraform.lock.hcl: providers are chosen anew each time", "workspace `blue` will be created"}
			r.Runs = []report.Run{
				ghe,
				{ID: 13, Stack: "network", Status: store.Previewed, Plan: &store.Plan{Add: 2, Changes: []store.Change{{Actions: []string{"create"}}, {Actions: []string{"create"}}}}, Text: "Plan: 2 to add\n"},
				{ID: 14, Stack: "dns", Status: store.NoChanges},
				{ID: 15, Stack: "mail", Status: store.Errored, Text: "Error: Unsupported argument\n\n  on main.tf line 3\n"},
				{ID: 16, Stack: "jira", Status: store.Planning},
				{ID: 17, Stack: "wiki", Status: store.Pending, Held: "waits for network #13"},
				{ID: 18, Stack: "old", Status: store.Canceled, By: []string{"jane"}},
			}
			r.Notes = []string{"secrets is not planned: the pull request changes its backend; an approver can say plan secrets here"}
		},
		"hooks": func(r *report.Comment) {
			ghe, wiki := previewed(12, "ghe"), previewed(13, "wiki")
			ghe.Hooks = []store.HookNote{
				{Hook: "after_plan", Command: "cost", Text: "+12.00 USD a month\n@ops <!channel>", Facts: []store.HookFact{{Name: "cost", Value: "12 | USD"}}},
				{Hook: "after_plan", Command: "check-policy", Warns: true, Text: "port 22 is open to everybody"},
			}
			wiki.Text, wiki.Plan = "", &store.Plan{Add: 1, Changes: []store.Change{{Actions: []string{"create"}}}}
			wiki.Hooks = []store.HookNote{{Hook: "after_plan", Command: "quiet", Warns: true}}
			r.Runs = []report.Run{ghe, wiki}
		},
		"hostile": func(r *report.Comment) {
			r.Agent, r.Head, r.Notes = "a --> <b>", "@ops", []string{hostile}
			r.Runs = []report.Run{{ID: 1, Label: hostile, Stack: hostile, Status: store.Previewed, Text: hostile, Warnings: []string{hostile},
				Hooks: []store.HookNote{{Hook: "after_plan", Command: hostile, Text: hostile, Warns: true, Facts: []store.HookFact{{Name: "a", Value: hostile}}}}},
				{ID: 2, Stack: "held", Status: store.Pending, Held: hostile}}
		},
		"cut": func(r *report.Comment) {
			r.Limit = 1800
			long := previewed(12, "long")
			for i := range 100 {
				long.Text += fmt.Sprintf("  + line %d\n", i)
			}
			r.Runs = []report.Run{long, previewed(13, "short")}
		},
	}
	for name, with := range tests {
		t.Run(name, func(t *testing.T) {
			r := comment()
			with(&r)
			body := r.Body()
			check(t, r, body)
			golden.Is(t, filepath.Join("testdata", name+".md"), body)
		})
	}
}

var (
	codeElement = regexp.MustCompile(`<code>(?:[A-Za-z0-9 \-/,;\x{80}-\x{10ffff}]|&#\d+;)*</code>`)
	ourTags     = strings.NewReplacer("<details><summary>", "", "</summary>", "", "</details>", "")
)

// check reads a comment as GitHub does, as far as it matters, and finds what may not be in it.
func check(t *testing.T, r report.Comment, body string) {
	t.Helper()
	limit := r.Limit
	if limit == 0 {
		limit = report.MaxComment
	}
	if n := len(utf16.Encode([]rune(body))); n > limit {
		t.Errorf("%d characters of %d", n, limit)
	}
	marker := report.Marker(r.Agent)
	rest, ok := strings.CutPrefix(body, marker+"\n")
	if !ok || !regexp.MustCompile(`^<!-- sallyport:\w* -->$`).MatchString(marker) {
		t.Errorf("begins with %.80q", body)
	}
	outside, fences, open := outsideFences(rest)
	if open {
		t.Error("a fence is not closed")
	}
	rows, leftOut := 0, strings.Contains(outside, " left out here") || strings.Contains(outside, "more stack")
	for line := range strings.SplitSeq(outside, "\n") {
		if strings.HasPrefix(line, "| ") {
			rows++
			if strings.Count(line, "|") != 3 {
				t.Errorf("cells of %q", line)
			}
		}
	}
	if want := len(r.Runs) + 2; len(r.Runs) > 0 && rows != want && !strings.Contains(outside, "more stack") {
		t.Errorf("%d rows, want %d", rows, want)
	}
	texts := 0
	for _, run := range r.Runs {
		if strings.Trim(run.Text, "\n") != "" {
			texts++
		}
		for _, n := range run.Hooks {
			if n.Text != "" {
				texts++
			}
		}
	}
	if fences > texts || fences < texts && !leftOut && !strings.ContainsAny(fmt.Sprint(r), "\x00\x1b\u202e\u200b\r") {
		t.Errorf("%d fences for %d texts", fences, texts)
	}
	if a, b := strings.Count(outside, "<details><summary>"), strings.Count(outside, "</details>"); a != b || a > len(r.Runs) {
		t.Errorf("%d details, %d ends", a, b)
	}
	ours := ourTags.Replace(codeElement.ReplaceAllString(outside, ""))
	if i := strings.IndexAny(ours, "<>@`&[]!#\x1b\u202e\\"); i >= 0 {
		t.Errorf("something of somebody else's is loose: %.60q", ours[i:])
	}
}

// outsideFences are the lines that are not in a fence, and how many fences there are.
func outsideFences(body string) (outside string, fences int, open bool) {
	marks := 0
	var b strings.Builder
	for line := range strings.SplitSeq(body, "\n") {
		n := len(line) - len(strings.TrimLeft(line, "`"))
		trimmed := strings.TrimLeft(line, " ")
		m := len(trimmed) - len(strings.TrimLeft(trimmed, "`"))
		switch {
		case marks == 0 && n >= 3:
			marks = n
			fences++
		case marks == 0:
			b.WriteString(line + "\n")
		case m >= marks && len(line)-len(trimmed) <= 3 && strings.Trim(trimmed, "` \t") == "":
			marks = 0
		}
	}
	return b.String(), fences, marks > 0
}

// TestEveryStackKeepsItsRow: whatever the plans' sizes, the table is whole, and GitHub takes the comment.
func TestEveryStackKeepsItsRow(t *testing.T) {
	tests := map[string]struct {
		stacks, lines int
		with          func(*report.Run)
		whole         int // texts that have to be there uncut
	}{
		"one huge":        {1, 20000, nil, 0},
		"hundred":         {100, 200, nil, 0},
		"six hundred":     {600, 50, nil, 0},
		"long names":      {100, 5, func(r *report.Run) { r.Stack, r.Label = strings.Repeat(".", 300), strings.Repeat("@", 300) }, 0},
		"much is held":    {200, 0, func(r *report.Run) { r.Status, r.Held = store.Pending, strings.Repeat("<", 1000) }, 0},
		"emoji":           {20, 2000, func(r *report.Run) { r.Text = strings.ReplaceAll(r.Text, "line", "😀😀😀😀😀😀") }, 0},
		"backticks":       {20, 2000, func(r *report.Run) { r.Text = strings.ReplaceAll(r.Text, " ", "`") }, 0},
		"only backticks":  {3, 1, func(r *report.Run) { r.Text = strings.Repeat("`", 200000) }, 0},
		"one long line":   {3, 1, func(r *report.Run) { r.Text = strings.Repeat("x", 200000) }, 0},
		"many warnings":   {50, 10, func(r *report.Run) { r.Warnings = make([]string, 100) }, 0},
		"two small, huge": {3, 10, func(r *report.Run) { r.Text += strings.Repeat("y\n", (r.ID-1)/2*200000) }, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := comment()
			for i := range tt.stacks {
				run := previewed(i+1, fmt.Sprintf("stack-%d", i+1))
				var text strings.Builder
				for l := range tt.lines {
					fmt.Fprintf(&text, "  + line %d\n", l)
				}
				run.Text = text.String()
				if tt.with != nil {
					tt.with(&run)
				}
				r.Runs = append(r.Runs, run)
			}
			body := r.Body()
			check(t, r, body)
			if got := strings.Count(body, "/details>") - strings.Count(body, "… cut:"); got < tt.whole {
				t.Errorf("%d are whole, want %d", got, tt.whole)
			}
			if strings.Contains(body, "more stacks") {
				t.Error("a row is missing")
			}
		})
	}
	r := comment()
	for i := range 5000 {
		r.Runs = append(r.Runs, previewed(i, fmt.Sprintf("stack-%d", i)))
	}
	if body := r.Body(); !strings.Contains(body, "more stacks | too many for one comment") {
		t.Error("five thousand stacks, and nothing says that some are missing")
	} else {
		check(t, r, body)
	}
}

// TestRoomIsUsed: a plan that is cut is cut because there is no room.
func TestRoomIsUsed(t *testing.T) {
	r := comment()
	for i := range 3 {
		run := previewed(i+1, "s")
		run.Text = strings.Repeat("x\n", 100000)
		r.Runs = append(r.Runs, run)
	}
	if n := len(r.Body()); n < report.MaxComment*95/100 {
		t.Errorf("only %d characters are used", n)
	}
}

func FuzzReport(f *testing.F) {
	f.Add(hostile, hostile, uint16(0), uint8(3))
	f.Add("ghe", planText, uint16(4000), uint8(1))
	f.Add("`", "```\n````\n", uint16(3000), uint8(9))
	f.Add("\xff|\n", "\r```\u2028```\u2028", uint16(5000), uint8(200))
	f.Add("", "  ```\n\t```\n", uint16(1), uint8(255))
	f.Fuzz(func(t *testing.T, name, text string, limit uint16, n uint8) {
		r := report.Comment{Agent: name, Head: name, Untouched: int(n) % 3, Notes: []string{name, text}}
		if limit > 0 {
			r.Limit = 2500 + int(limit)
		}
		statuses := []store.Status{store.Previewed, store.Errored, store.Pending, store.NoChanges, store.Status(name)}
		for i := range int(n) % 40 {
			r.Runs = append(r.Runs, report.Run{ID: i, Stack: name, Label: text, Status: statuses[i%len(statuses)], Held: text, Text: text + name + text,
				Warnings: []string{text, name}, By: []string{name}})
		}
		check(t, r, r.Body())
	})
}
