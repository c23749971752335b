package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestPlanErrorThenFix(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Break the box", map[string]string{"box/main.tf": "resource \"terraform_data\" \"a\" {\n  input = nosuch.thing\n}\n"})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	r := h.reaches("1", "errored")
	if !has(r.Error, "Reference to undeclared resource", "main.tf") || strings.Contains(r.Error, "exit status") {
		t.Errorf("not terraform's own words: %q", r.Error)
	}
	posted(t, s, "#1", "Reference to undeclared resource")
	i.Commit("Write a page", map[string]string{"README.md": "hello"})
	i.Commit("Mend the box", map[string]string{"box/main.tf": thing("a", "one")})
	h.until("box", "planned", func(r run) bool { return r.ID == 2 && r.Status == "planned" })
	s.Reply(jane, ops, card(t, s, 2).TS, "approve")
	h.reaches("2", "applied")
}

// An apply that terraform itself gives up on is told in its words; it is not asked again by itself.
func TestApplyErrorThenPlanAgain(t *testing.T) {
	t.Parallel()
	i, s, gate := newInfra(t), newWorkspace(t), t.TempDir()
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("a", "one") + `
resource "terraform_data" "b" {
  depends_on = [terraform_data.a]
  provisioner "local-exec" { command = "test -e ` + gate + `/go" }
}
`})
	h := newHouse(t, i.box()+asking(s), slackEnv).start()
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	r := h.reaches("1", "errored")
	if !has(r.Error, "local-exec provisioner error", "terraform_data.b") {
		t.Errorf("the error is %q", r.Error)
	}
	if told := replied(t, s, m.TS, "failed", "1 of 2"); !told.Broadcast {
		t.Error("a failed apply rings no phone")
	}
	page := i.Commit("Write a page", map[string]string{"README.md": "hello"})
	h.sees("the unrelated commit", func(s status) bool { return s.Repositories[0].Head == page })
	if got := h.stack("box"); got.AppliedCommit != "" || got.Run.ID != 1 {
		t.Errorf("the stack: %+v", got)
	}
	open(t, gate)
	h.must("plan", "box")
	m = card(t, s, 2)
	s.Reply(jane, ops, m.TS, "approve destroy") // the half-made one is replaced
	h.reaches("2", "applied")
}

func TestModuleChangeMakesARun(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{
		"box/main.tf":        "module \"m\" { source = \"../modules/m\" }\n",
		"box/prod.tfvars":    "",
		"modules/m/main.tf":  "module \"n\" { source = \"../n\" }\n",
		"modules/n/main.tf":  thing("deep", "one"),
		"modules/other/x.tf": thing("b", "one"),
		"policies/a.json":    "{}",
	})
	h := newHouse(t, i.box(`watch = ["policies/**"]`)).start()
	h.reaches("1", "planned")
	h.must("approve", "1")
	h.reaches("1", "applied")
	other := i.Commit("Change what nobody calls", map[string]string{"modules/other/x.tf": thing("b", "two")})
	h.sees("that commit", func(s status) bool { return s.Repositories[0].Head == other })
	if n := len(h.runs()); n != 1 {
		t.Fatalf("%d runs", n)
	}
	i.Commit("Change a module of a module", map[string]string{"modules/n/main.tf": thing("deep", "two")})
	if r := h.reaches("2", "planned"); !strings.Contains(r.Reason, "modules/n/main.tf") {
		t.Errorf("the reason is %q", r.Reason)
	}
	if s := h.stack("box"); s.Behind != 1 {
		t.Errorf("it is %d commits behind", s.Behind)
	}
	h.must("approve", "2")
	h.reaches("2", "applied")
	head := i.Commit("Change what is watched", map[string]string{"policies/a.json": "{} "})
	h.reaches("3", "no_changes")
	if s := h.stack("box"); s.AppliedCommit != head || s.Behind != 0 {
		t.Errorf("a commit without changes does not count as applied: %+v", s)
	}
}

func TestDependencyOrder(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{"net/main.tf": thing("n", "one"), "box/main.tf": thing("a", "one")})
	h := newHouse(t, i.box(`depends_on = ["net"]`)+stackBlock("net")).start()
	r := h.until("box", "held", func(r run) bool { return r.Held != "" })
	if r.Status != "pending" || !strings.Contains(r.Held, "net") {
		t.Errorf("box: %s, held %q", r.Status, r.Held)
	}
	h.reaches("net", "planned")
	h.must("approve", h.number("net"))
	r = h.reaches("box", "planned")
	h.must("approve", h.number("box"))
	h.reaches(fmt.Sprint(r.ID), "applied")

	i.Commit("Change both", map[string]string{"net/main.tf": thing("n", "two"), "box/main.tf": thing("a", "two")})
	h.reaches("net", "planned")
	h.must("deny", h.number("net"))
	h.until("box", "held by the denied run", func(r run) bool { return strings.Contains(r.Held, "discarded") })
	h.must("plan", "box")
	r = h.reaches("box", "planned")
	if !strings.Contains(strings.Join(r.Warnings, " "), "net") {
		t.Errorf("a person went ahead, and the warnings are %q", r.Warnings)
	}
}

// A workspace other than the default one is made if it is missing, told on the card, and used for plan and apply.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	i, s, dir := newInfra(t), newWorkspace(t), t.TempDir()
	i.Commit("Add", map[string]string{"box/main.tf": `
resource "terraform_data" "a" {
  input = terraform.workspace
  provisioner "local-exec" { command = "echo ${terraform.workspace} >> ` + dir + `/ran" }
}
`})
	two := "stack \"two\" {\n  dir = \"box\"\n  workspace = \"green\"\n}\n"
	h := newHouse(t, i.box(`workspace = "blue"`)+two+asking(s), slackEnv).start()
	for _, name := range []string{"box", "two"} {
		r := h.reaches(name, "planned")
		if !strings.Contains(strings.Join(r.Warnings, " "), "workspace") {
			t.Errorf("the warnings of %s are %q", name, r.Warnings)
		}
		h.must("approve", fmt.Sprint(r.ID))
		h.reaches(fmt.Sprint(r.ID), "applied")
	}
	if got := read(t, filepath.Join(dir, "ran")); got != "blue\ngreen\n" {
		t.Errorf("it was applied in %q", got)
	}
	if s := h.stack("two"); s.Workspace != "green" {
		t.Errorf("the stack: %+v", s)
	}
}

// One stack for each directory that a glob matches; what leaves the branch leaves the list.
func TestStacksOfAGlob(t *testing.T) {
	t.Parallel()
	i := newInfra(t)
	i.Commit("Add", map[string]string{"services/jira/main.tf": thing("a", "one"), "services/ci/main.tf": thing("b", "one")})
	h := newHouse(t, i.block()+"stacks \"services/*\" {\n}\n").start()
	h.reaches("services-ci", "planned")
	h.reaches("services-jira", "planned")
	i.Commit("Drop ci", map[string]string{"services/ci/main.tf": ""})
	h.sees("ci is gone", func(s status) bool { return len(s.Stacks) == 1 && s.Stacks[0].Name == "services-jira" })
}
