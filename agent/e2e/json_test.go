package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The JSON of status, runs and show is a promise to scripts: these tests look at every documented field.

var hexDigits = regexp.MustCompile(`^[0-9a-f]+$`)

// object is a JSON object whose documented fields are looked at one by one.
type object struct {
	t    *testing.T
	name string
	m    map[string]any
}

func (o object) has(fields ...string) {
	o.t.Helper()
	for _, f := range fields {
		if _, ok := o.m[f]; !ok {
			o.t.Errorf("%s has no field %s", o.name, f)
		}
	}
}

func (o object) is(field string, want any) {
	o.t.Helper()
	if d := cmp.Diff(want, o.m[field]); d != "" {
		o.t.Errorf("%s.%s (-want +got):\n%s", o.name, field, d)
	}
}

// instant checks that a field is a time in UTC, not long ago or ahead.
func (o object) instant(field string) time.Time {
	o.t.Helper()
	text, _ := o.m[field].(string)
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !strings.HasSuffix(text, "Z") || time.Since(at).Abs() > 48*time.Hour {
		o.t.Errorf("%s.%s is %v, not a time of today in UTC", o.name, field, o.m[field])
	}
	return at
}

func (o object) object(field string) object {
	o.t.Helper()
	m, ok := o.m[field].(map[string]any)
	if !ok {
		o.t.Fatalf("%s.%s is %v, not an object", o.name, field, o.m[field])
	}
	return object{o.t, o.name + "." + field, m}
}

func (o object) list(field string) []object {
	o.t.Helper()
	list, ok := o.m[field].([]any)
	if !ok {
		o.t.Fatalf("%s.%s is %v, not a list", o.name, field, o.m[field])
	}
	out := make([]object, len(list))
	for i, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			o.t.Fatalf("%s.%s[%d] is not an object", o.name, field, i)
		}
		out[i] = object{o.t, fmt.Sprintf("%s.%s[%d]", o.name, field, i), m}
	}
	return out
}

func objectOf(t *testing.T, name, text string) object {
	return object{t, name, decode[map[string]any](t, text)}
}

// noNullLists walks a whole answer: fields that are lists somewhere must be lists everywhere.
func noNullLists(t *testing.T, text string) {
	t.Helper()
	lists := map[string]bool{
		"repositories": true, "stacks": true, "pull_requests": true, "problems": true, "changes": true, "outputs": true,
		"actions": true, "decisions": true, "warnings": true, "open": true,
	}
	var walk func(string, any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, f := range v {
				if f == nil && lists[k] {
					t.Errorf("%s.%s is null", path, k)
				}
				walk(path+"."+k, f)
			}
		case []any:
			for i, f := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), f)
			}
		}
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	walk("", v)
}

func TestJSON(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	h := newHouse(t, i.box("depends_on = [\"net\"]")+stackBlock("net")).start()
	h.sees("the empty repository", func(s status) bool { return s.Repositories[0].Error != "" })
	before := h.must("status", "--json")
	noNullLists(t, before)
	for _, s := range objectOf(t, "status", before).list("stacks") {
		s.is("run", nil)
		s.is("applied_at", nil)
		s.is("applied_commit", "")
	}
	if text := strings.TrimSpace(h.must("runs", "--json")); text != "[]" {
		t.Errorf("no runs are %s", text)
	}

	head := i.Commit("Add the box", map[string]string{
		"box/main.tf": thing("node", "one"), "net/main.tf": thing("net", "one") + "output \"o\" { value = 1 }\n",
	})
	pending := h.until("box", "held", func(r run) bool { return r.Held != "" })
	h.reaches("net", "planned")
	checkPending(t, h, fmt.Sprint(pending.ID))
	checkPlanned(t, h, fmt.Sprint(h.show("net").ID), head)
	h.must("approve", h.number("net"))
	h.reaches("box", "planned")
	h.sees("net is applied", func(s status) bool { return s.Stacks[1].AppliedCommit == head })
	checkStatus(t, h, i, head)
	for _, args := range [][]string{{"status"}, {"runs"}, {"show", "1"}, {"show", "2"}} {
		noNullLists(t, h.must(append(args, "--json")...))
	}
}

var runFields = []string{
	"id", "stack", "kind", "status", "commit", "author", "subject", "reason", "pull_request", "created_at", "updated_at",
	"expires_at", "plan", "decisions", "error",
}

func checkPending(t *testing.T, h *house, ref string) {
	t.Helper()
	r := objectOf(t, "pending run", h.must("show", ref, "--json"))
	r.has(runFields...)
	r.is("plan", nil)
	r.is("expires_at", nil)
	r.is("decisions", []any{})
	r.instant("created_at")
	r.instant("updated_at")
}

func checkPlanned(t *testing.T, h *house, ref, head string) {
	t.Helper()
	text := h.must("show", ref, "--json")
	r := objectOf(t, "planned run", text)
	r.has(runFields...)
	for field, want := range map[string]any{
		"stack": "net", "kind": "commit", "status": "planned", "commit": head, "author": "Jane Doe", "subject": "Add the box",
		"pull_request": 0.0, "error": "", "decisions": []any{},
	} {
		r.is(field, want)
	}
	if created, expires := r.instant("created_at"), r.instant("expires_at"); expires.Sub(created).Round(time.Minute) != 24*time.Hour {
		t.Errorf("a plan is good for %s", expires.Sub(created))
	}
	p := r.object("plan")
	for field, want := range map[string]any{
		"add": 1.0, "change": 0.0, "destroy": 0.0,
		"outputs": []any{map[string]any{"name": "o", "actions": []any{"create"}}},
	} {
		p.is(field, want)
	}
	c := p.list("changes")[0]
	c.is("address", "terraform_data.net")
	c.is("actions", []any{"create"})
	c.is("class", "config")
	file, err := os.ReadFile(h.Data("runs", ref, "plan", "plan.tfplan"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	p.is("digest", hex.EncodeToString(sum[:]))
	for _, listed := range decode[[]any](t, h.must("runs", "net", "--json")) {
		if d := cmp.Diff(decode[any](t, text), listed); d != "" {
			t.Errorf("runs and show say different things of one run:\n%s", d)
		}
	}
}

func checkStatus(t *testing.T, h *house, i *infra, head string) {
	t.Helper()
	s := objectOf(t, "status", h.must("status", "--json"))
	s.has("agent", "repositories", "stacks", "pull_requests")
	s.is("pull_requests", []any{})
	agent := s.object("agent")
	agent.is("running", true)
	agent.is("paused", false)
	agent.has("version")
	agent.instant("started_at")
	r := s.list("repositories")[0]
	for field, want := range map[string]any{"name": "infra", "url": i.server.URL(i.Name), "branch": "main", "head": head, "error": ""} {
		r.is(field, want)
	}
	r.instant("polled_at")
	stacks := s.list("stacks")
	sort.Slice(stacks, func(a, b int) bool { return fmt.Sprint(stacks[a].m["name"]) < fmt.Sprint(stacks[b].m["name"]) })
	box, net := stacks[0], stacks[1]
	for field, want := range map[string]any{
		"name": "net", "repository": "infra", "dir": "net", "workspace": "default", "applied_commit": head, "paused": false,
		"behind": 0.0, "error": "",
	} {
		net.is(field, want)
	}
	net.instant("applied_at")
	done := net.object("run")
	done.is("status", "applied")
	d := done.list("decisions")[0]
	d.is("verdict", "approve")
	d.is("text", "approve")
	d.instant("at")
	if by := fmt.Sprint(d.m["by"]); !strings.HasPrefix(by, "cli:") || len(by) < 5 {
		t.Errorf("approved by %s", by)
	}
	if digest := fmt.Sprint(done.object("plan").m["digest"]); len(digest) != 64 || !hexDigits.MatchString(digest) {
		t.Errorf("digest %s", digest)
	}
	box.is("applied_at", nil)
	box.is("applied_commit", "")
	box.object("run").is("status", "planned")
}
