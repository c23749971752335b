package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sallyport/agent/need"
	"sallyport/notify/slack/slacktest"
)

// A store that was damaged in any of these ways is moved aside, the newest snapshot takes its place, and people are told once.
// The agent is paused until one of them says that all is well; what was applied is known and is not applied again.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	need.Long(t, "it starts an agent many times")
	const page = 4096
	for name, damage := range map[string]func(b []byte) []byte{
		"cut short":        func(b []byte) []byte { return b[:len(bytes.TrimRight(b, "\x00"))/2] },
		"empty":            func([]byte) []byte { return nil },
		"both first pages": func(b []byte) []byte { return append(make([]byte, 2*page), b[2*page:]...) },
		// Everywhere: pages that bbolt has freed still hold older copies of the record, whose damage nobody would notice.
		"a letter of a record": func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(`"author":"Jane`), []byte(`"author":"Jame`))
		},
		"every page but four": func(b []byte) []byte {
			clear(b[4*page:])
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, s := newInfra(t), newWorkspace(t)
			i.Commit("Add", map[string]string{"box/main.tf": thing("a", "one")})
			h := newHouse(t, i.box()+asking(s), slackEnv).start()
			h.reaches("1", "planned")
			card(t, s, 1)
			h.must("approve", "1")
			h.reaches("1", "applied")
			// A snapshot follows each apply.
			eventually(t, "a snapshot is taken", func() (bool, any) {
				found, err := filepath.Glob(h.Data("snapshots", "*.db"))
				return err == nil && len(found) > 0, found
			})
			eventually(t, "all is told", func() (bool, any) {
				out := h.must("status", "--json")
				return strings.Contains(out, `"outbox": 0`), out
			})
			h.kill()

			db := h.Data("sallyport.db")
			whole := []byte(read(t, db))
			ruined := damage(bytes.Clone(whole))
			if bytes.Equal(whole, ruined) {
				t.Fatal("nothing was damaged")
			}
			write(t, db, string(ruined))
			h.start()
			if st := h.status(); !st.Agent.Paused || st.Stacks[0].AppliedCommit == "" {
				t.Errorf("after the start: %+v", st)
			}
			if out := h.must("status"); !has(out, "PAUSED", "damaged", "quarantine", "sallyport resume") {
				t.Errorf("the status does not say what happened:\n%s", out)
			}
			kept, err := filepath.Glob(h.Data("quarantine", "*"))
			if err != nil || len(kept) == 0 {
				t.Fatalf("the damaged store was not kept: %v, %v", kept, err)
			}
			if b, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(b, ruined) {
				t.Errorf("what was kept has %d bytes, the damaged store had %d: %v", len(b), len(ruined), err)
			}
			posted(t, s, "PAUSED", "quarantine")
			h.must("runs", "--verify")

			// The next start is an ordinary one, and nobody is told twice.
			h.kill()
			h.start()
			h.must("resume")
			i.Commit("Change", map[string]string{"box/main.tf": thing("a", "two")})
			next := h.reaches("box", "planned")
			if next.ID < 1000 {
				t.Errorf("the next run is #%d", next.ID)
			}
			card(t, s, next.ID)
			if told := messagesWith(s, "PAUSED"); told != 1 {
				t.Errorf("people were told %d times", told)
			}
			h.must("approve", h.number("box"))
			h.reaches(strconv.Itoa(next.ID), "applied")
		})
	}
}

// messagesWith counts the messages of the channel that hold a text.
func messagesWith(s *slacktest.Server, text string) (n int) {
	for _, m := range s.Messages(ops) {
		if strings.Contains(all(m), text) {
			n++
		}
	}
	return n
}
