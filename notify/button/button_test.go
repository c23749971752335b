package button_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/store"
)

var digest = strings.Repeat("3f2a9c01", 8)

func change(address string, actions ...string) store.Change {
	return store.Change{Address: address, Actions: actions, Class: store.ClassConfig}
}

func protected(c store.Change) store.Change {
	c.Protected = true
	return c
}

func card(changes ...store.Change) notify.Card {
	return notify.Card{
		Run: 12, Label: "PROD", Stack: "ghe", Kind: store.KindCommit, Status: store.Planned, Commit: "1a2b3c4d5e6f70819203a4b5c6d7e8f901234567",
		Plan: &store.Plan{Digest: digest, Changes: changes}, Approvals: 1, Agent: "a", ShowAddresses: true, Buttons: true,
	}
}

// Which buttons a card has is a matter of its status, and of what an approval has to say.
func TestOf(t *testing.T) {
	plain, destroys, vital := change("a.b", "create"), change("a.b", "delete"), protected(change("a.b", "delete", "create"))
	routine := change("a.b", "delete", "create")
	routine.Replaceable = true
	unknown := change("a.b", "explode")
	unknown.Unknown = true
	for name, c := range map[string]struct {
		of     notify.Card
		status store.Status
		with   func(*notify.Card)
		want   string
	}{
		"waits":                       {card(plain), store.Planned, nil, "Approve? Deny... Details"},
		"waits without a change":      {card(), store.Planned, nil, "Approve? Deny... Details"},
		"waits to replace by routine": {card(routine), store.Planned, nil, "Approve? Deny... Details"},
		"waits to destroy":            {card(destroys), store.Planned, nil, "Approve... Deny... Details"},
		"waits for names":             {card(vital), store.Planned, nil, "Approve... Deny... Details"},
		"waits, nobody knows of what": {card(unknown), store.Planned, nil, "Approve... Deny... Details"},
		"only counts are known": {card(), store.Planned, func(c *notify.Card) { c.Plan.Destroy = 1 },
			"Approve... Deny... Details"},
		"held":                    {card(plain), store.Planned, func(c *notify.Card) { c.Held = "paused" }, "Approve? Deny... Details"},
		"approved":                {card(vital), store.Approved, nil, "Deny... Details"},
		"applying":                {card(plain), store.Applying, nil, "Cancel... Details"},
		"pending":                 {card(), store.Pending, func(c *notify.Card) { c.Plan = nil }, ""},
		"planning":                {card(plain), store.Planning, nil, ""},
		"no clicks are heard":     {card(plain), store.Planned, func(c *notify.Card) { c.Buttons = false }, ""},
		"in a shell":              {card(plain), store.Planned, func(c *notify.Card) { c.Shell = true }, ""},
		"without a plan":          {card(plain), store.Planned, func(c *notify.Card) { c.Plan = nil }, ""},
		"a digest that is none":   {card(plain), store.Planned, func(c *notify.Card) { c.Plan.Digest = "3F2A" }, ""},
		"a word that nobody knew": {card(plain), "thinking", nil, ""},
	} {
		c.of.Status = c.status
		if c.with != nil {
			c.with(&c.of)
		}
		var got []string
		for _, b := range button.Of(c.of) {
			text := b.Text
			if b.Confirm != nil {
				text += "?"
			}
			got = append(got, text)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %q, want %q", name, s, c.want)
		}
	}
	for status, next := range store.Transitions() {
		for _, s := range append(next, status) {
			c := card(plain)
			if c.Status = s; s.Terminal() && len(button.Of(c)) > 0 {
				t.Errorf("%s has ended and has buttons", s)
			}
		}
	}
}

// The dialog of an approval says counts and addresses, as many whole ones as fit, and none that is not to be shown.
// special is a card of a plan of some addresses.
func special(c notify.Card) notify.Card {
	c.Options.Targets = []string{"a.b"}
	return c
}

func TestConfirm(t *testing.T) {
	long := func(i int) string { return fmt.Sprintf("module.m[%d].%s", i, strings.Repeat("x", 90)) }
	var many []store.Change
	for i := range 2000 {
		many = append(many, change(long(i), "create"))
	}
	const lead = "PROD ghe #12 at 1a2b3c4d5e: "
	for name, c := range map[string]struct {
		of   notify.Card
		want string
	}{
		"two":          {card(change("a.b", "create"), change("a.c", "update")), lead + "1 to create, 1 to change, nothing destroyed. a.b, a.c"},
		"outputs only": {notify.Card{Run: 12, Stack: "ghe", Status: store.Planned, Plan: &store.Plan{Digest: digest, Outputs: []store.Output{{Name: "ip"}}}, Buttons: true}, "ghe #12: only 1 output to change, nothing destroyed."},
		"many":         {card(many...), lead + "2000 to create, nothing destroyed. " + long(0) + ", " + long(1) + " and 1,998 others"},
		"too long":     {card(change(strings.Repeat("y", 400), "create")), lead + "1 to create, nothing destroyed. The addresses are in the message."},
		"of a part": {special(card(change("a.b", "create"))),
			"TARGETED, NOT THE WHOLE COMMIT, which will not count as applied. " + lead + "1 to create, nothing destroyed. a.b"},
		"hostile": {card(change("a.b[\"<!channel>\u202e\x00\n<https://evil|x>\"]", "create")),
			lead + `1 to create, nothing destroyed. a.b["<!channel> <https://evil|x>"]`},
	} {
		for _, hidden := range []bool{false, true} {
			c.of.ShowAddresses = !hidden
			got := button.Of(c.of)[0].Confirm
			switch {
			case !hidden && got.Text != c.want && name != "outputs only":
				t.Errorf("%s: %q, want %q", name, got.Text, c.want)
			case name == "outputs only" && got.Text != c.want:
				t.Errorf("%s: %q, want %q", name, got.Text, c.want)
			case hidden && (strings.Contains(got.Text, "a.b") || strings.Contains(got.Text, "module") || strings.Contains(got.Text, "yy")):
				t.Errorf("%s shows addresses: %q", name, got.Text)
			}
			for _, part := range []struct {
				text string
				most int
			}{{got.Title, 100}, {got.Text, 300}, {got.Yes, 30}, {got.No, 30}} {
				if n := utf8.RuneCountInString(part.text); n == 0 || n > part.most || strings.ContainsFunc(part.text, unicode.IsControl) {
					t.Errorf("%s: %d characters: %q", name, n, part.text)
				}
			}
		}
	}
}

// What comes back with a click is a run and a whole digest, or nothing.
func TestTargets(t *testing.T) {
	good := button.Target{Run: 12, Digest: digest}
	if got, ok := button.ParseTarget(good.String()); !ok || got != good || good.String() != "12:"+digest {
		t.Errorf("%q: %+v, %t", good.String(), got, ok)
	}
	about := button.Context{Target: good, Mark: button.Mark("agent")}
	if got, ok := button.ParseContext(about.String()); !ok || got != about {
		t.Errorf("%q: %+v, %t", about.String(), got, ok)
	}
	if got := button.MarkOf(button.Block("agent")); got != button.Mark("agent") || got == button.Mark("other") {
		t.Errorf("mark %q", got)
	}
	for _, evil := range []string{
		"", "12", ":", "12:", "0:" + digest, "-1:" + digest, "1234567890:" + digest, "+1:" + digest, "12:" + digest[1:], "12:" + digest + "0", "12:" + strings.ToUpper(digest),
		" 12:" + digest, "12:" + digest + "\n", "12:" + digest + " ", "012:" + digest, "12:" + digest[:63] + "g", "12:" + digest + ":1", strings.Repeat("1", 1e6) + ":" + digest,
	} {
		if got, ok := button.ParseTarget(evil); ok {
			t.Errorf("%.80q is %+v", evil, got)
		}
		if got, ok := button.ParseContext(evil + " " + button.Mark("a")); ok {
			t.Errorf("%.80q with a mark is %+v", evil, got)
		}
	}
	for _, evil := range []string{"", " ", button.Mark("a"), good.String(), good.String() + " ", good.String() + " x", good.String() + "  " + button.Mark("a"), about.String() + "0"} {
		if got, ok := button.ParseContext(evil); ok {
			t.Errorf("%q is %+v", evil, got)
		}
	}
	if (button.Target{Run: 0, Digest: digest}).String() != "" || button.MarkOf("sallyport:run:1:x") != "" {
		t.Error("what is nothing is something")
	}
}

// What is ticked and typed becomes the words of a reply, and counts as that reply would.
func TestSaid(t *testing.T) {
	c := card(protected(change("a.v[\"x\"]", "delete")), protected(change("a.w", "delete", "create")), change("a.z", "delete"), change("a.n", "create"))
	other := card(protected(change("a.other", "delete")), protected(change("a.w", "delete", "create")))
	ticks := button.Options(c)
	if len(ticks) != 2 || ticks[0].Text != `1. a.v["x"]` || ticks[1].Text != "2. a.w" {
		t.Fatalf("options %+v", ticks)
	}
	one, two, foreign := ticks[0].Value, ticks[1].Value, button.Options(other)[0].Value
	only := card(change("a.z", "delete"))
	yes := button.Options(only)
	if len(yes) != 1 || yes[0].Text != "Yes: 1 to destroy" {
		t.Fatalf("options %+v", yes)
	}
	for name, k := range map[string]struct {
		of     notify.Card
		ticked []string
		typed  string
		want   string // empty: a complaint
		covers bool
	}{
		"all ticked":                   {c, []string{one, two}, "", "approve destroy 1 2", true},
		"one ticked":                   {c, []string{two}, "", "approve destroy 2", false},
		"one twice":                    {c, []string{two, two}, "", "approve destroy 2 2", false},
		"nothing":                      {c, nil, "", "approve", false},
		"typed":                        {c, nil, `a.v["x"], 2`, `approve destroy a.v["x"], 2`, true},
		"typed as a reply":             {c, nil, " Approve destroy 1 and 2 ", "approve destroy 1 and 2", true},
		"one ticked, one typed":        {c, []string{one}, "a.w", "approve destroy 1 a.w", true},
		"typed: no such address":       {c, []string{one, two}, "a.q", "approve destroy 1 2 a.q", false},
		"typed: words":                 {c, []string{one, two}, "all of them", "", false},
		"typed: deny":                  {c, []string{one, two}, "deny", "", false},
		"typed: a quote without end":   {c, []string{one, two}, `a.v["x`, "", false},
		"another plan's tick":          {c, []string{foreign, two}, "", "", false},
		"a number without its address": {c, []string{"1", "2"}, "", "", false},
		"a number that is not there":   {c, []string{"9" + one[1:]}, "", "", false},
		"a tick that is none":          {c, []string{"approve"}, "", "", false},
		"destroy is not a name":        {c, []string{yes[0].Value}, "", "approve destroy", false},
		"destroy":                      {only, []string{yes[0].Value}, "", "approve destroy", true},
		"destroy is not ticked":        {only, nil, "", "approve", false},
	} {
		text, complaint := button.Said(k.of.Plan, k.ticked, k.typed)
		if text != k.want || (complaint == "") != (k.want != "") {
			t.Errorf("%s: %q, %q, want %q", name, text, complaint, k.want)
		}
		w, ok, _ := notify.ParseDecision(text)
		if _, covers := w.Covers(k.of.Plan); k.want != "" && (!ok || covers != k.covers || w.Verdict != store.Approve) {
			t.Errorf("%s: it covers the plan: %t, want %t", name, covers, k.covers)
		}
	}
	hidden := c
	hidden.ShowAddresses = false
	many := card()
	for i := range button.MaxTicks + 1 {
		many.Plan.Changes = append(many.Plan.Changes, protected(change(fmt.Sprintf("a.v[%d]", i), "delete")))
	}
	if a, b := button.Options(hidden), button.Options(many); len(a)+len(b) != 0 {
		t.Errorf("to tick: %+v %+v", a, b)
	}
}
