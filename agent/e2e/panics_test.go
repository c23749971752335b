package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/notify/github/githubtest"
)

// panicky makes a house's agent one in which work panics: what the lines that panics writes say, from then on.
func panicky(t *testing.T, h *house) (panics func(lines ...string)) {
	t.Helper()
	program, err := faulty()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "panics")
	h.binary, h.faults = program, append(h.faults, "SALLYPORT_FAULT_PANIC="+file)
	return func(lines ...string) { write(t, file, strings.Join(lines, "\n")+"\n") }
}

// everything is all work that a first run passes through, by how its name begins.
var everything = []string{
	"looking at everything", "looking for changed stacks of infra", "comparing stack box",
	"polling repository infra", "reading channel #ops", "reading the thread of #1", "weighing reply",
	"sending message card/1", "sending message run/1/plan", "working on run #1",
	"starting after_apply hooks", "sweeping ended runs", "summing up the day", "forgetting values that people gave", "looking for room",
	"taking in applies", "comparing schedules of images", "comparing drift schedules", "obeying a command", "obeying status",
	"at pending->planning:before", "at planned, not stored", "at planning->planned:before", "at planned->approved:before",
	"at approved->applying:before", "at apply handed over", "at applying->applied:before", "at note->sent:before",
}

// loops are what the agent does for as long as it runs.
var loops = []string{
	"watching repositories", "watching repository infra", "listening to slack", "forgetting old runs", "sending backups",
	"keeping snapshots", "sending to slack", "telling sites", "watching pull requests", "answering at the socket",
}

// Each piece of work panics once, most of them at their edge and some in the middle of a transaction. The same agent goes on,
// and the story ends as if nothing had been: the plan is made, asked about and applied once.
func TestPanicInEachWorker(t *testing.T) {
	t.Parallel()
	i, s, o := newInfra(t), newWorkspace(t), newOracle(t)
	i.Commit("Add the box", map[string]string{"README.md": "nothing yet"})
	h := newHouse(t, i.box()+asking(s)+o.block(), slackEnv)
	panics := panicky(t, h)
	once := func(works []string) {
		var lines []string
		for _, work := range works {
			lines = append(lines, work+"*:1")
		}
		panics(lines...)
	}
	once(loops)
	h.start()
	h.sees("the first poll", func(s status) bool { return s.Repositories[0].Head != "" })
	works := append(everything, "answering GET /v1/runs/1")
	once(works)
	said := s.Say(jane, ops, "<@"+s.BotUserID()+"> status")
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("box", "one")})
	h.reaches("1", "planned")
	m := card(t, s, 1)
	s.Reply(jane, ops, m.TS, "approve")
	h.reaches("1", "applied")
	replied(t, s, m.TS, "is applied")
	replied(t, s, said, "injected: obeying status", "Next: please report it")
	eventually(t, "every work panicked once, and its stack trace is in the log", func() (bool, any) {
		var missing []string
		log := h.Logged()
		for _, work := range append(works, loops...) {
			if !strings.Contains(log, "injected: "+work) {
				missing = append(missing, work)
			}
		}
		return len(missing) == 0, missing
	})
	if log := h.Logged(); !has(log, "a panic was caught", `"stack trace"=`, "goroutine ") {
		t.Error("the log has no stack traces")
	}
	if n := len(o.applies()); n != 1 {
		t.Errorf("%d applies were started", n)
	}
	h.sees("nothing is wrong any more", func(s status) bool {
		return len(s.Problems) == 0 && s.Outbox == 0 && s.Repositories[0].Error == "" && s.Stacks[0].Error == ""
	})
	h.stop() // by itself it has not ended: a stop finds it alive
}

// The third panic in the same place holds the work that it is of, with what to do, and nothing else. A reload has it tried
// again.
func TestThirdPanicHolds(t *testing.T) {
	t.Parallel()
	i, s := newInfra(t), newWorkspace(t)
	i.Commit("Add", map[string]string{"good/main.tf": thing("a", "one"), "odd/main.tf": thing("a", "one"), "late/main.tf": thing("a", "one")})
	body := i.block() + i.blockAt("other", i.server.URL(i.Name))
	for _, name := range []string{"good", "odd", "late"} {
		body += stackBlock(name, `repository = "infra"`)
	}
	h := newHouse(t, body+asking(s), slackEnv)
	panics := panicky(t, h)
	panics("comparing stack odd", "polling repository other", "at planned, not stored", "sending message card/1")
	h.start()
	held := func(text string) bool { return has(text, "held after 3 times", "injected") }
	h.sees("what panics is held, each with what to do", func(s status) bool {
		ok := false
		for _, r := range s.Repositories {
			ok = ok || r.Name == "other" && held(r.Error) && strings.Contains(r.Hint, "reload")
		}
		for _, x := range s.Stacks {
			switch {
			case x.Name == "odd":
				ok = ok && held(x.Error) && x.Run == nil
			case x.Run == nil || x.Run.Status != "errored" || !held(x.Run.Error) || !strings.Contains(x.Run.Hint, "sallyport plan "+x.Name):
				ok = false
			}
		}
		return ok
	})
	var first run
	for _, r := range h.runs() {
		if r.ID == 1 {
			first = r
		}
	}
	posted(t, s, fmt.Sprintf("#1 %s is errored, and its message cannot be sent", first.Stack), "sallyport show 1")
	card(t, s, 2) // the other run's message does not wait for it

	panics("nothing any more")
	h.signal(syscall.SIGHUP)
	h.sees("everything works again", func(s status) bool {
		ok := true
		for _, x := range s.Stacks {
			ok = ok && (x.Name != "odd" || x.Error == "" && x.Run != nil && x.Run.Status == "planned")
		}
		for _, r := range s.Repositories {
			ok = ok && r.Error == "" && r.Head != ""
		}
		return ok && s.Outbox == 0
	})
	card(t, s, 1)
	h.must("plan", first.Stack)
	h.reaches(first.Stack, "planned")
}

// A reply that nobody can weigh may be a deny: nothing is applied while it stands there, and its thread says so.
func TestReplyThatCannotBeWeighedHolds(t *testing.T) {
	t.Parallel()
	i, s, o := newInfra(t), newWorkspace(t), newOracle(t)
	i.Commit("Add the box", map[string]string{"box/main.tf": thing("box", "one")})
	h := newHouse(t, i.box()+asking(s)+o.block(), slackEnv)
	panics := panicky(t, h)
	h.start()
	h.reaches("1", "planned")
	m := card(t, s, 1)
	panics("weighing reply*")
	panics("weighing reply " + s.Reply(joe, ops, m.TS, "deny") + " to #1")
	s.Reply(jane, ops, m.TS, "approve")
	h.until("1", "held", func(r run) bool { return r.Status == "approved" && has(r.Held, "injected") })
	replied(t, s, m.TS, "I cannot weigh the reply of "+joe, "nothing is applied", "sallyport deny 1")
	if n := len(o.applies()); n != 0 {
		t.Fatalf("%d applies were started over a deny", n)
	}
	panics("nothing any more")
	h.signal(syscall.SIGHUP)
	h.reaches("1", "discarded")
	if n := len(o.applies()); n != 0 {
		t.Errorf("%d applies were started over a deny", n)
	}
}

// The work that a first run does not pass through: pull requests, what a site is told, drift checks, builds, backups, snapshots and
// repairs. Each panics once, at its edge or in the middle, and everything comes to its end all the same.
func TestPanicInTheOtherWorkers(t *testing.T) {
	t.Parallel()
	need.Long(t, "it plans, applies, builds, previews and repairs")
	e, o, backups := newEnterprise(t), newOracle(t), filepath.Join(t.TempDir(), "backups")
	e.land("Begin", map[string]string{"box/main.tf": thing("one", "1"), "node/node.json": nodeTemplate(1)})
	h := newHouse(t, e.block()+stackBlock("box", `drift = "@every 1s"`)+o.block()+
		"image \"node\" {\n  dir = \"node\"\n  template = \"node.json\"\n}\n"+fmt.Sprintf("packer {\n  binary = %q\n}\n", twoRegions(t))+
		fmt.Sprintf("backup {\n  schedule = \"@every 1s\"\n  command = \"cat >%s\"\n}\n", backups))
	panics := panicky(t, h)
	works := []string{
		"looking for terraform", "watching repository infra", "looking at the pull requests of infra", "sending message status/", "working on run #", "making a backup",
		"taking a snapshot", "looking at pull request ", "sending message comment/", "checking the drift of box", "at drift checked, not stored",
		"at planning->previewed:before", "at state copied",
	}
	once := func(works ...string) {
		var lines []string
		for _, work := range works {
			lines = append(lines, work+"*:1")
		}
		panics(lines...)
	}
	injected := func(works ...string) {
		t.Helper()
		eventually(t, "each of them panicked", func() (bool, any) {
			log := h.Logged()
			missing := slices.DeleteFunc(slices.Clone(works), func(work string) bool { return strings.Contains(log, "injected: "+work) })
			return len(missing) == 0, missing
		})
	}
	once(works...)
	h.start()
	for _, name := range []string{"box", "node"} {
		h.reaches(name, "planned")
		id := h.number(name)
		h.must("approve", id)
		h.reaches(id, "applied")
	}
	head := e.propose(1, map[string]string{"box/main.tf": thing("one", "1") + thing("two", "2")})
	n := e.OpenPull(opsInfra, githubtest.Pull{Author: "jane", Head: head, Title: "More"})
	e.stands(head, "success", "1 to create")
	e.says(n, "terraform_data.two")
	injected(works...)

	// Whoever waits for a repair gets an answer, wherever it panicked, and the next try works.
	repairs := []string{"running a command in box", "working on the state of box", "mending the state of box", "at lockStack:before"}
	for _, work := range repairs {
		verb := []string{"exec", "box", "--", "state", "list"}
		if strings.HasPrefix(work, "mending") {
			verb = []string{"unlock", "box", "some-lock"}
		}
		once(work)
		if r := h.try(verb...); r.code == 0 || !has(r.stderr, "a fault in sallyport itself") {
			t.Errorf("%s panics, and %s ends with %d\n%s", work, verb[0], r.code, r.stderr)
		}
		if r := h.try(verb...); verb[0] == "exec" && (r.code != 0 || !has(r.stdout, "terraform_data.one")) || verb[0] == "unlock" && !has(r.stderr, "not locked") {
			t.Errorf("after %s had panicked %s ends with %d\n%s%s", work, verb[0], r.code, r.stdout, r.stderr)
		}
	}
	injected(repairs...)

	// The third time holds each of them, and says so where people look.
	held := []string{"making a backup", "checking the drift of box", "looking at the pull requests of infra"}
	panics(held...)
	eventually(t, "what panics is held", func() (bool, any) {
		text := h.try("status", "--json").stdout
		missing := slices.DeleteFunc(slices.Clone(held), func(work string) bool {
			for line := range strings.Lines(text) {
				if has(line, "held after 3 times", "injected: "+work) {
					return true
				}
			}
			return false
		})
		return len(missing) == 0, missing
	})
	once("reading the configuration again")
	h.signal(syscall.SIGHUP)
	injected("reading the configuration again")
	h.signal(syscall.SIGHUP)
	h.sees("nothing is wrong any more", func(s status) bool {
		return len(s.Problems) == 0 && s.Outbox == 0 && s.Repositories[0].Error == "" && s.Stacks[0].Error == "" &&
			!has(h.try("status", "--json").stdout, "injected")
	})
	if n := len(o.applies()); n != 1 { // the builds are packer's
		t.Errorf("%d applies were started", n)
	}
	if !exists(backups) {
		t.Error("no backup was made")
	}
	h.stop()
}
