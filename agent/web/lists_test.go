package web

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/agent/control"
	"sallyport/notify/golden"
	"sallyport/notify/redact"
	"sallyport/store"
)

// golden compares the body of a page with a file.
func sameBody(t *testing.T, name, page string) {
	t.Helper()
	_, body, found := strings.Cut(page, "<body")
	if !found {
		t.Fatalf("no page: %s", page)
	}
	golden.Is(t, filepath.Join("testdata", name+".html"), "<body"+body)
}

// planned is a run that waits.
func planned(id int, stack string) control.Run {
	return control.Run{
		ID: id, Stack: stack, Engine: "terraform", Kind: store.KindCommit, Status: store.Planned, Commit: "0123456789abcdef0123", Author: "Jane Doe", Subject: "Grow the volume",
		CreatedAt: at(3 * time.Hour), PlannedAt: at(2 * time.Hour), ExpiresAt: at(-22 * time.Hour), Permalink: "https://example.slack.com/archives/C1/p1",
		Plan: &control.Plan{Add: 1, Destroy: 1, Changes: []control.Change{
			{Address: "aws_ebs_volume.data", Actions: []string{"delete", "create"}, MustName: true, Protected: true},
			{Address: "aws_instance.web", Actions: []string{"create"}},
		}},
		Decisions: []control.Decision{{Verdict: store.Approve, By: "slack:U01", At: at(time.Hour)}},
	}
}

// night is a status in which something of everything is the matter.
func night() control.Status {
	run, moving := planned(12, "ghe"), applying(13)
	moving.Stack = "net"
	failed := control.Run{ID: 9, Stack: "wiki", Status: store.Errored, Error: "Error: no route", EndedAt: at(time.Hour)}
	return control.Status{
		Agent:        control.Agent{Running: true, Version: "1.2.3", Pause: &control.Pause{By: "cli:jane", At: *at(time.Hour), Reason: "the move"}, Paused: true},
		Problems:     []control.Problem{{Source: "slack", Error: "invalid_auth", Hint: "mend the token", Since: at(time.Hour)}},
		Repositories: []control.Repository{{Name: "infra", Error: "it cannot be reached", Hint: "is the host up?"}},
		Unreviewed:   []control.Run{{ID: 7, Stack: "dns", Status: store.Applied}},
		Stacks: []control.Stack{
			{Name: "ghe", Run: &run, Behind: 2, AppliedAt: at(48 * time.Hour), Approvals: &control.Approvals{Counted: 1, Needed: 2, WaitsFor: []string{"slack:U02"}}},
			{Name: "net", Run: &moving, AppliedAt: at(time.Hour)},
			{Name: "wiki", Run: &failed, Look: &control.Look{Run: 9, Text: "wiki #9 failed", Cause: "Error: no route", Hint: "mend it, then sallyport plan wiki"}},
			{Name: "dns", AppliedAt: at(100 * time.Hour), Pause: &control.Pause{By: "slack:U01", At: *at(time.Hour), Reason: "not on Friday"}},
			{Name: "old", AppliedAt: at(2000 * time.Hour), Drift: &control.Drift{CheckedAt: at(time.Minute), Since: at(time.Hour), Gone: 1, Changed: 2}},
			{Name: "calm", AppliedAt: at(2000 * time.Hour), CheckedAt: at(time.Minute), Drift: &control.Drift{CheckedAt: at(time.Minute)}},
			{Name: "new", LeftOut: []control.Targeted{{Run: 6, Text: "#6 applied only a.b of commit 1a2b3c4d5e"}}},
		},
	}
}

// hostile is what a repository could have in all that it can name.
const hostile = "</td><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>\u202e\x1b[31m\x00\"'` javascript:alert(1) hunter2"

func TestPages(t *testing.T) {
	t.Parallel()
	evil := func() control.Status {
		run := planned(12, hostile)
		run.Subject, run.Author, run.Permalink, run.Held = hostile, hostile, "javascript:alert(1)", hostile
		run.Plan.Changes[0].Address = hostile
		run.Options.Kinds = []string{hostile}
		return control.Status{
			Problems: []control.Problem{{Source: hostile, Error: hostile, Hint: hostile}},
			Stacks: []control.Stack{
				{Name: hostile, Run: &run, Error: hostile, Look: &control.Look{Run: 9, Text: hostile, Cause: hostile, Hint: hostile}, Pause: &control.Pause{By: hostile, Reason: hostile}},
			},
		}
	}
	for name, tc := range map[string]struct {
		path   string
		status control.Status
	}{
		"home":         {"/", night()},
		"home-quiet":   {"/", control.Status{}},
		"home-hostile": {"/", evil()},
		"stacks":       {"/stacks", night()},
		"runs":         {"/runs", control.Status{}},
		"runs-hostile": {"/runs?stack=" + "%3Cscript%3E", control.Status{}},
		"graph":        {"/graph", night()},
		"graph-evil":   {"/graph", evil()},
		"missing":      {"/nothing", control.Status{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.status = tc.status
			f.after = map[string][]string{"ghe": {"net", "dns"}, "wiki": {"ghe"}, hostile: {hostile + "2"}}
			f.runs[12], f.runs[13], f.runs[9] = planned(12, "ghe"), applying(13), control.Run{ID: 9, Stack: "<script>", Subject: hostile, Status: store.Errored}
			o := options(f)
			o.Names = func(account string) string { return map[string]string{"slack:U01": "Ann", "slack:U02": "Bob"}[account] }
			_, h := serve(t, o)
			want := 200
			if name == "missing" {
				want = 404
			}
			page := get(t, h.URL+tc.path, want)
			sameBody(t, name, page)
			for _, bad := range []string{"hunter2", "<script>", "<img", "\u202e", "\x1b", "\x00", `="javascript:`} {
				if strings.Contains(page, bad) {
					t.Errorf("%q is in it", bad)
				}
			}
		})
	}
}

// A page of ten thousand runs, and of two thousand stacks, is a page, from which the next one is reached until all were seen.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFake()
	const runs, stacks = 1234, 501
	for id := range runs {
		f.runs[id+1] = control.Run{ID: id + 1, Stack: "ghe", Status: store.Applied}
	}
	for n := range stacks {
		f.status.Stacks = append(f.status.Stacks, control.Stack{Name: fmt.Sprintf("stack-%04d", n)})
	}
	_, h := serve(t, options(f))
	for _, tc := range []struct {
		path, link, each string
		total, most      int
	}{
		{"/runs?stack=ghe", `href="/runs?before=`, `<th scope="row">`, runs, maxRuns},
		{"/stacks", `href="/stacks?after=`, `<th scope="row">`, stacks, maxStacks},
	} {
		seen, pages := 0, 0
		for path := tc.path; path != ""; pages++ {
			page := get(t, h.URL+path, 200)
			n := strings.Count(page, tc.each)
			if n == 0 || n > tc.most {
				t.Fatalf("%s lists %d", path, n)
			}
			seen += n
			_, rest, more := strings.Cut(page, tc.link)
			if path = ""; more {
				query, _, _ := strings.Cut(rest, `"`)
				path = strings.TrimPrefix(tc.link, `href="`) + strings.ReplaceAll(query, "&amp;", "&")
			}
		}
		if seen != tc.total || pages != (tc.total+tc.most-1)/tc.most {
			t.Errorf("%s: %d of %d on %d pages", tc.path, seen, tc.total, pages)
		}
	}
	if page := get(t, h.URL+"/graph", 200); len(page) > 1<<20 {
		t.Errorf("the graph has %d bytes", len(page))
	}
}

// What one page says of a run that applies is what its script has to know to go on.
func TestARunIsFollowed(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.runs[12], f.logs[12] = applying(12), "token hunter2\n"
	_, h := serve(t, options(f))
	page := get(t, h.URL+"/runs/12", 200)
	for _, want := range []string{`data-stream="/runs/12/log?status=applying"`, `<script src="/assets/web.js" defer></script>`, `<pre id="log"`, "token (redacted)"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	f.end(store.Applied, "token hunter2\n")
	if page = get(t, h.URL+"/runs/12", 200); strings.Contains(page, "data-stream") || strings.Contains(page, "hunter2") {
		t.Errorf("a run that has ended is followed, or a secret shows:\n%s", page)
	}
}

// A copy that is washed leaves the answer as it is: a part of it may be the configuration in force.
func TestWashed(t *testing.T) {
	t.Parallel()
	in := night()
	in.Stacks[0].Run.People = map[string]string{"hunter2": "hunter2"}
	in.Stacks[0].Approvals.WaitsFor[0] = "hunter2"
	out := washed(in, redacted)
	if got := fmt.Sprint(out.Stacks[0].Approvals.WaitsFor, out.Stacks[0].Run.People); strings.Contains(got, "hunter2") {
		t.Error(got)
	}
	if in.Stacks[0].Approvals.WaitsFor[0] != "hunter2" || !out.Stacks[0].AppliedAt.Equal(*in.Stacks[0].AppliedAt) {
		t.Error("the answer itself was washed, or a time was lost")
	}
}

func BenchmarkPages(b *testing.B) {
	f := newFake()
	f.status = night()
	for n := range 500 {
		f.status.Stacks = append(f.status.Stacks, control.Stack{Name: fmt.Sprintf("stack-%04d", n), AppliedAt: at(time.Hour)})
	}
	run := planned(12, "ghe")
	for n := range 5000 {
		run.Plan.Changes = append(run.Plan.Changes, control.Change{Address: fmt.Sprintf("aws_instance.web[%d]", n), Actions: []string{"create"}})
	}
	f.runs[12] = run
	o := options(f)
	o.Redact = redact.New(redact.NewSecret("hunter2"), redact.NewSecret("a longer secret"), redact.NewSecret("-----BEGIN KEY-----\nAAAAAAAAAAAAAAAAAAAA\n-----END KEY-----")).Text
	_, h := serve(b, o)
	for _, path := range []string{"/", "/stacks", "/runs", "/graph", "/runs/12"} {
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				get(b, h.URL+path, 200)
			}
		})
	}
}

// A stack of which some addresses only were applied says so, whatever its state.
func TestLeftOutIsNoted(t *testing.T) {
	s, _ := serve(t, options(newFake()))
	const text = "#7 applied only a.b of commit 0123456"
	if got := s.note(control.Stack{Name: "net", AppliedAt: at(time.Hour), LeftOut: []control.Targeted{{Run: 7, Text: text}}}); got != text {
		t.Errorf("it notes %q", got)
	}
}
