package page

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/agent/terraform/planjson"
	"sallyport/notify/redact"
	"sallyport/store"
)

// at is a moment of the run that the tests are about.
func at(minute int) time.Time { return time.Date(2026, 3, 1, 3, minute, 0, 0, time.UTC) }

// planOf reads a plan of a real terraform: its summary, and its words as the agent keeps them.
func planOf(t *testing.T, name string, protect ...string) (*store.Plan, string) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "plans", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := planjson.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	plan := parsed.Summary(protect, nil)
	plan.Digest, plan.Version = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00", "1.11.4"
	text, err := os.ReadFile(filepath.Join("testdata", "plans", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return &plan, redact.New().Text(string(text))
}

// waiting is the page about a run whose plan waits for people.
func waiting(plan *store.Plan, text string) RunPage {
	return pageOf(&store.Run{
		ID: 12, Stack: "ghe", Repository: "infra", Kind: store.KindCommit, Status: store.Planned,
		Commit: "0123456789abcdef0123456789abcdef01234567", Author: "Jane Doe", Subject: "Bigger disk for everybody", Reason: "changed: ghe/main.tf",
		Position: "with 2 commits that were not applied yet", CreatedAt: at(10), PlannedAt: at(11), ExpiresAt: at(59), Plan: plan,
	}, text)
}

// pageOf is the page about a run.
func pageOf(r *store.Run, text string) RunPage {
	page := RunPage{Run: control.RunOf(r), Plan: text, Now: at(20), Version: "1.2.3", Around: control.Around{Label: "PROD", Ordered: true}}
	page.Around.Events = []control.AuditEntry{
		{At: at(10), Run: 12, Stack: "ghe", Event: "transition", Outcome: "pending"},
		{At: at(10), Run: 12, Stack: "ghe", Event: "transition", Outcome: "planning"},
		{At: at(11), Run: 12, Stack: "ghe", Event: "transition", Outcome: string(r.Status)},
	}
	return page
}

// written is a page as it is written.
func written(t *testing.T, p RunPage) string {
	t.Helper()
	var b bytes.Buffer
	if err := Run(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
