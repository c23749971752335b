package verbs_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/notify/verbs"
)

// The answer to help is read on a phone, at night.
func TestHelpFitsOnAPhone(t *testing.T) {
	lines := strings.Split(verbs.Help(), "\n")
	if len(lines) > 22 {
		t.Errorf("help has %d lines:\n%s", len(lines), verbs.Help())
	}
	for _, line := range lines {
		if n := utf8.RuneCountInString(line); n > 44 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	for _, v := range verbs.Verbs() {
		if !strings.Contains(verbs.Help(), "\n"+v.Name) {
			t.Errorf("%s is not in help", v.Name)
		}
		if of := verbs.HelpOf(v); !strings.HasPrefix(of, v.Name) || strings.Contains(of, "..") {
			t.Errorf("help %s: %s", v.Name, of)
		}
	}
}

func TestFind(t *testing.T) {
	for said, want := range map[string]string{
		"status": "status", "Status.": "status", "state push 7": "state push", "State PUSH": "state push", "plan wiki now": "plan",
		"state": "", "statu": "", "": "",
	} {
		v, rest, ok := verbs.Find(strings.Fields(said))
		if v.Name != want || ok != (want != "") || len(rest) != len(strings.Fields(said))-len(strings.Fields(want)) {
			t.Errorf("%q: %q, %q, %v", said, v.Name, rest, ok)
		}
	}
}

func TestLike(t *testing.T) {
	for said, want := range map[string]string{
		"plna": "plan", "statsu": "status", "state": "state push", "recove": "recover", "aprove": "approve", "unlok": "unlock", "coffee": "", "": "",
	} {
		if got := strings.Join(verbs.Like(said), ","); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}

func TestInSlack(t *testing.T) {
	for advice, want := range map[string]string{
		"sallyport plan wiki":                            "@bastion plan wiki",
		"wait for it, or: sallyport cancel 7":            "wait for it, or: @bastion cancel 7",
		"the run waits for `sallyport resume wiki`":      "the run waits for `@bastion resume wiki`",
		"sallyport state push 7":                         "@bastion state push 7",
		"sallyport state migrate wiki":                   "sallyport state migrate wiki",
		"sallyport exec wiki -- taint x":                 "sallyport exec wiki -- taint x",
		"see sallyport show 7 --plan":                    "see sallyport show 7 --plan",
		"sallyport plan wiki --empty-state":              "@bastion plan wiki --empty-state",
		"sallyport approve 7 destroy 1":                  "sallyport approve 7 destroy 1",
		"tell the bot: @sallyport plan wiki":             "tell the bot: @sallyport plan wiki",
		"see /var/lib/sallyport status":                  "see /var/lib/sallyport status",
		"sallyport runs, then: sallyport resume":         "@bastion runs, then: @bastion resume",
		"nothing of this stack was applied by sallyport": "nothing of this stack was applied by sallyport",
	} {
		if got := verbs.InSlack(advice, "bastion"); got != want {
			t.Errorf("%q: %q, want %q", advice, got, want)
		}
	}
	if got := verbs.InSlack("sallyport status", ""); got != "sallyport status" {
		t.Errorf("without a name: %q", got)
	}
}
