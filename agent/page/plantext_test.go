package page

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/store"
)

func TestAddressIn(t *testing.T) {
	for head, want := range map[string]string{
		`aws_instance.web will be created`:              `aws_instance.web`,
		`module.a["b c"].x.y["d\" e"] must be replaced`: `module.a["b c"].x.y["d\" e"]`,
		`x.y["\\"] will be destroyed`:                   `x.y["\\"]`,
		`x.y (deposed object 1234) will be destroyed`:   `x.y`,
		`x.y["never closed will be`:                     `x.y["never closed will be`,
		`x.y["a\"] will be destroyed"] will be created`: `x.y["a\"] will be destroyed"]`,
		``: ``,
	} {
		if got := addressIn(head); got != want {
			t.Errorf("the address in %q is %q, want %q", head, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	for address, want := range map[string][2]string{
		`a.b`:                            {``, `a.b`},
		`module.m.a.b["c.d"]`:            {`module.m`, `a.b["c.d"]`},
		`module.m["x.\"y"].module.n.a.b`: {`module.m["x.\"y"].module.n`, `a.b`},
		`module.m.data.a.b`:              {`module.m`, `data.a.b`},
		`module.m`:                       {``, `module.m`},
		`module.`:                        {``, `module.`},
	} {
		if module, name := split(address); module != want[0] || name != want[1] {
			t.Errorf("%s is %q and %q", address, module, name)
		}
	}
}

// said is all that a page says of a text, without marks.
func textOf(parts []part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// TestNothingIsLost: every line of a plan's text is somewhere on the page, whatever the text is, but for what terraform says of its signs.
func TestNothingIsLost(t *testing.T) {
	texts := map[string]string{
		"nothing of it is known": "something else\n  altogether\n",
		"a block without braces": "X will perform the following actions:\n\n  # a.b will be created\n\n  # c.d will be created\n  + resource \"c\" \"d\" {}\n\nPlan: 1\n",
		"it ends in a block":     "X will perform the following actions:\n\n  # a.b will be created\n  + resource \"a\" \"b\" {\n      + c = 1\n",
		"a forged end":           "X will perform the following actions:\n\n  # a.b will be created\n  + resource \"a\" \"b\" {\n    }\n      + hidden = 1\n    }\n\nPlan: 1\n",
		"an unknown block":       "X will perform the following actions:\n\n  # a.b will be frobbed\n  ? thing \"a\" \"b\" {\n      + c = 1\n    }\n",
	}
	for _, name := range []string{"create", "update", "replace", "destroy", "moved", "import", "sensitive", "modules", "hostile"} {
		_, texts[name] = planOf(t, name)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			p := parsePlan(text)
			all := strings.Join(append(p.outputs, p.left()...), "\n")
			for _, b := range p.drift {
				all += "\n" + strings.Join(b.lines, "\n")
			}
			_, rest, understood := strings.Cut(text, "following actions:\n")
			if !understood {
				rest = text
			}
			n := 0
			for line := range strings.Lines(rest) {
				line = strings.TrimSpace(line)
				if line == "" || strings.HasPrefix(line, "Plan: ") || line == "Changes to Outputs:" {
					continue
				}
				if n++; !strings.Contains(all, line) {
					t.Errorf("this is on no page: %s", line)
				}
			}
			if n < 2 {
				t.Errorf("the text has %d lines", n)
			}
		})
	}
}

// TestEachBlockIsItsOwn: of a text of OpenTofu 1.12, each block is put to its address, and nothing is left.
func TestEachBlockIsItsOwn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "plans", "tofu.txt"))
	if err != nil {
		t.Fatal(err)
	}
	p := parsePlan(string(text))
	var got []string
	for address, blocks := range p.blocks {
		for _, b := range blocks {
			got = append(got, fmt.Sprintf("%s %d", address, len(b.lines)))
		}
	}
	slices.Sort(got)
	if want := "terraform_data.a 5, terraform_data.b 5, terraform_data.c 10, terraform_data.i 5"; strings.Join(got, ", ") != want || len(p.rest) > 0 || len(p.outputs) != 1 {
		t.Errorf("the blocks and their lines are %s, want %s\nleft is %q", strings.Join(got, ", "), want, p.rest)
	}
}

// TestForgedParts: a value cannot make the page show something harmless in the place of what happens to another object.
func TestForgedParts(t *testing.T) {
	plan, text := planOf(t, "hostile")
	if strings.Count(text, "# terraform_data.upd will be updated in-place") != 2 {
		t.Fatal("nothing is forged in it")
	}
	for _, g := range viewOf(waiting(plan, text)).Groups {
		for _, m := range g.Modules {
			for _, c := range m.Changes {
				said := textOf(c.Parts)
				if c.Name == "terraform_data.upd" {
					if !strings.Contains(said, "speaks 2 times") || !strings.Contains(said, "<script>alert(1)</script>") {
						t.Errorf("of what is forged the page says\n%s", said)
					}
				} else if strings.Contains(said, "times") || c.Missing != "" {
					t.Errorf("of %s the page says %s\n%s", c.Name, c.Missing, said)
				}
			}
		}
	}
}

func TestParts(t *testing.T) {
	lines := func(more ...string) []string { return append([]string{"  # a.b will be x"}, more...) }
	for name, tc := range map[string]struct {
		lines []string
		want  string
	}{
		"one sign alone is not marked": {lines(`  + resource "a" "b" {`, `      + c = "d"`, `    }`), ``},
		"signs":                        {lines(`  ~ resource "a" "b" {`, `      - c = 1 -> null`, `      + d = 2`), `mod|del|add`},
		"unknown and sensitive":        {lines(`      + c = (known after apply)`, `      + d = (sensitive value)`), `later|hidden`},
		"what forces":                  {lines(`      ~ c = 1 -> 2 # forces replacement`), `mod|force`},
		"unchanged":                    {lines(`        # (3 unchanged attributes hidden)`), `dim`},
		"secrets of the configuration": {lines(`      + c = "(redacted)"`), `hidden`},
		"a long line":                  {lines(`      + c = "` + strings.Repeat("x", 2*maxLine) + `"`), `dim`},
		"a long text":                  {append(lines(), strings.Split(strings.Repeat("      + c = 1\n", maxLines+5), "\n")...), `dim`},
		"a large text":                 {append(lines(), strings.Split(strings.Repeat("      + "+strings.Repeat("y", 7000)+"\n", 100), "\n")...), `dim`},
	} {
		t.Run(name, func(t *testing.T) {
			parts := partsOf(tc.lines, 12)
			var marked []string
			size := 0
			for _, p := range parts {
				size += len(p.Text)
				if p.Class != "" {
					marked = append(marked, p.Class)
				}
			}
			if got := strings.Join(marked, "|"); got != tc.want {
				t.Errorf("marked is %s, want %s", got, tc.want)
			}
			if size > maxBytes+maxLine {
				t.Errorf("%d bytes", size)
			}
			if all := strings.Join(tc.lines, "\n"); len(all) < maxLine && textOf(parts) != all {
				t.Errorf("the text became\n%s", textOf(parts))
			}
		})
	}
}

// TestManyChanges is the page of 5,000 changes, of which nobody wants to read a golden one.
func TestManyChanges(t *testing.T) {
	const n = 5000
	p := many(n)
	page := written(t, p)
	balanced(t, page)
	classes, behind := map[string]int{}, 0
	open := 0
	for _, e := range elements(t, page) {
		classes[e.Data+"."+attribute(e, "class")]++
		if e.Data == "pre" {
			behind++
		}
		for _, a := range e.Attr {
			if e.Data == "details" && a.Key == "open" {
				open++
			}
		}
	}
	if classes["details.change"] != n || behind != n || classes["details.module"] != 3*n/100 || open != 0 {
		t.Errorf("%d changes, %d texts, %d modules, %d of all open", classes["details.change"], behind, classes["details.module"], open)
	}
	for i := 1; i <= n; i += 499 {
		if !strings.Contains(page, fmt.Sprintf(`id="change-%d"`, i)) {
			t.Errorf("change %d is missing", i)
		}
	}
	if len(page) > 8<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	v := viewOf(p)
	var bar []string
	for _, s := range v.Bar {
		bar = append(bar, s.Words)
	}
	if got := strings.Join(bar, ", "); got != "100 to destroy, 100 to change in place, 4800 to create" || v.Bar[0].Width < leastSegment {
		t.Errorf("the bar says %s: %v", got, v.Bar)
	}
}

// TestBarIsWhole: its pieces lie side by side from one end to the other, and none is too small to be seen.
func TestBarIsWhole(t *testing.T) {
	var groups []group
	for i, n := range []int{1, 1, 100000, 1, 1, 3, 1, 1, 1, 1, 1, 1} {
		groups = append(groups, group{ID: "changes-" + kinds(true)[i].id, N: n})
	}
	for n := 1; n <= len(groups); n++ {
		x := 0
		for _, s := range barOf(groups[:n]) {
			if s.X != x || s.Width < leastSegment {
				t.Errorf("of %d: a piece of %d at %d, want it at %d", n, s.Width, s.X, x)
			}
			x += s.Width
		}
		if x != barWidth {
			t.Errorf("of %d: the bar is %d wide", n, x)
		}
	}
}

// TestEveryKindHasAPlace: no change is without a group, and a word that nobody knows is dangerous.
func TestEveryKindHasAPlace(t *testing.T) {
	for _, actions := range [][]string{
		{"create"}, {"delete"}, {"update"}, {"delete", "create"}, {"create", "delete"}, {"forget"}, {"create", "forget"}, {"read"}, {"refresh"}, {"import"},
		{"invoke"}, {"no-op"}, {}, {"frob"},
	} {
		v := viewOf(waiting(&store.Plan{Changes: []store.Change{{Address: "a.b", Actions: actions}}}, ""))
		if len(v.Groups) != 1 || v.Groups[0].N != 1 || len(v.Bar) != 1 {
			t.Fatalf("%v is in the groups %+v", actions, v.Groups)
		}
		if g := v.Groups[0]; actions != nil && strings.Join(actions, "") == "frob" && (g.ID != "changes-unknown" || g.Class != "bad") {
			t.Errorf("%v is %s", actions, g.Title)
		}
		if g := v.Groups[0]; g.Title == "" || v.Bar[0].Words != "1 "+g.Called {
			t.Errorf("%v is %+v, and %q in the bar", actions, g, v.Bar[0].Words)
		}
	}
}
