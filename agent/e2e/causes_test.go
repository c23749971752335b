package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever goes wrong, its cause is in the first line of the run's error, and that is in `status`, on the card and in the bot's
// answer; a sentence that holds for every such failure is the hint at most.
func TestCauseIsShown(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{
		"mute/main.tf": thing("a", "one"), "late/main.tf": "resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    command = \"echo no such key >&2; exit 3\"\n  }\n}\n",
		"lfs/main.tf": thing("a", "one"), "lfs/big.bin": lfsPointer,
		"images/odd/odd.json": nodeTemplate(1),
	})
	packer := filepath.Join(t.TempDir(), "packer")
	program(t, packer, []byte(`#!/bin/sh
case $1 in
version) echo 1,,version,1.6.6 ;;
*) echo '1,,ui,error,Error: Failed to prepare build: "file"\n\n1 error(s) occurred:\n\n* target required\n\n'; exit 1 ;;
esac
`))
	mute := wrapper(t, `case "$PWD $* " in */mute*" apply "*) echo "terraform: cannot allocate 4 pages" >&2; exit 7;; esac`)
	body := i.block() + fmt.Sprintf("terraform {\n  binary = %q\n}\npacker {\n  binary = %q\n}\n", mute, packer)
	for _, name := range []string{"mute", "late", "lfs"} {
		body += stackBlock(name)
	}
	body += "image \"odd\" {\n  dir = \"images/odd\"\n  template = \"odd.json\"\n}\n"
	h := newHouse(t, body+asking(s), slackEnv).start()
	for _, name := range []string{"mute", "late"} {
		r := h.reaches(name, "planned")
		h.must("approve", fmt.Sprint(r.ID))
	}
	said := ""
	for name, want := range map[string]struct{ cause, hint string }{
		"mute": {"terraform ended with exit code 7: terraform: cannot allocate 4 pages", "--log"},
		"late": {"no such key", "sallyport plan late"},
		"lfs":  {"big.bin", ""},
		"odd":  {`packer validate: Failed to prepare build: "file": target required`, "mend the template"},
	} {
		var r run
		eventually(t, name+" fails", func() (bool, any) {
			st := h.stack(name)
			if st.Run != nil {
				r = *st.Run
			}
			return r.Status == "errored", st
		})
		first, _, _ := strings.Cut(r.Error, "\n")
		if !strings.Contains(first, want.cause) || !strings.Contains(r.Hint, want.hint) {
			t.Errorf("%s: the first line of its error is %q, its hint %q; want %q, %q", name, first, r.Hint, want.cause, want.hint)
		}
		if text := h.must("status"); !strings.Contains(text, want.cause) {
			t.Errorf("%s: status does not say %q:\n%s", name, want.cause, text)
		}
		eventually(t, "the card of "+name+" says why", func() (bool, any) {
			text := all(card(t, s, r.ID))
			return strings.Contains(text, want.cause), text
		})
		said += "|" + want.cause
	}
	asked := s.Say(jane, ops, "<@"+s.BotUserID()+"> status")
	replied(t, s, asked, strings.Split(strings.TrimPrefix(said, "|"), "|")...)
}
