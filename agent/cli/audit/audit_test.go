package audit_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sallyport/agent/cli/audit"
	"sallyport/agent/control"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// parts is a history in two parts.
func parts(broken string) []control.Audit {
	return []control.Audit{
		{Entries: []control.AuditEntry{
			{At: noon, Event: "pause", By: "slack:U01ABC", Text: "not\tnow\x1b[31m"},
			{At: noon, Run: 7, Stack: "ghe", Event: "transition", Commit: strings.Repeat("c", 40), Outcome: "planning"},
		}, Broken: broken, People: map[string]string{"slack:U01ABC": "jane"}},
		{Entries: []control.AuditEntry{
			{At: noon, Run: 7, Stack: "ghe", Event: "decision", By: "cli:ann", Commit: strings.Repeat("c", 40), Digest: strings.Repeat("d", 64), Outcome: "approve", Text: "=approve destroy 1"},
		}, Broken: "a later break", End: true},
	}
}

// TestWriters: each ends with what becomes of the chain, and of two breaks the first is told.
func TestWriters(t *testing.T) {
	for name, c := range map[string]struct {
		broken     string
		json, last string
	}{
		"the first part is broken":  {"entry 2 is missing", "entry 2 is missing", "broken"},
		"the second part is broken": {"", "a later break", "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			var text, asJSON, table bytes.Buffer
			fold := func(line string) string { return "| " + line }
			for _, w := range []audit.Writer{audit.NewText(&text, time.FixedZone("CET", 3600), fold), audit.NewJSON(&asJSON), audit.NewCSV(&table)} {
				for _, p := range parts(c.broken) {
					if err := w.Part(p); err != nil {
						t.Fatal(err)
					}
				}
				if broken, err := w.End(); broken != c.json || err != nil {
					t.Errorf("broken %q, %v", broken, err)
				}
			}
			const want = "| 2026-11-30 13:00:00 CET  pause by jane: not now\n" +
				"| 2026-11-30 13:00:00 CET  #7  ghe  planning [commit cccccccccc]\n" +
				"| 2026-11-30 13:00:00 CET  #7  ghe  approve (decision) by ann: =approve destroy 1 [commit cccccccccc, plan dddddddddd]\n" +
				"The chain of hashes is broken.\n"
			if text.String() != want {
				t.Errorf("text:\n%s", text.String())
			}
			var list []map[string]any
			if err := json.Unmarshal(asJSON.Bytes(), &list); err != nil || len(list) != 4 || list[3]["chain"] != c.json || list[0]["by"] != "slack:U01ABC" {
				t.Errorf("%v: %s", err, asJSON.String())
			}
			rows, err := csv.NewReader(&table).ReadAll()
			if err != nil || len(rows) != 5 || rows[3][8] != "'=approve destroy 1" || rows[4][3] != "chain" || rows[4][7] != c.last || rows[4][8] != c.json {
				t.Errorf("%v: %q", err, rows)
			}
		})
	}
}

// TestEmpty: nothing happened, and that holds, too.
func TestEmpty(t *testing.T) {
	var asJSON bytes.Buffer
	w := audit.NewJSON(&asJSON)
	if err := w.Part(control.Audit{End: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.End(); err != nil || asJSON.String() != "[\n {\"chain\":\"ok\"}\n]\n" {
		t.Errorf("%v: %s", err, asJSON.String())
	}
}

func TestTime(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := noon.In(berlin)
	for text, want := range map[string]string{
		"":                          "0001-01-01T00:00:00Z",
		"2026-11-30":                "2026-11-29T23:00:00Z", // midnight where the person is
		"2026-11-30T10:00:00Z":      "2026-11-30T10:00:00Z",
		"2026-11-30T10:00:00+01:00": "2026-11-30T09:00:00Z",
		"2026-11-30 10:00":          "2026-11-30T09:00:00Z",
		"90m":                       "2026-11-30T10:30:00Z",
		"2d":                        "2026-11-28T12:00:00Z",
		"-1h":                       "",
		"-1d":                       "",
		"d":                         "",
		"yesterday":                 "",
		"2026-13-01":                "",
	} {
		have, err := audit.Time(text, now)
		if (err == nil) != (want != "") || err == nil && have.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %s, %v; want %q", text, have, err, want)
		}
	}
}
