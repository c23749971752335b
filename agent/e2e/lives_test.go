package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/control"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

// lives are all that can happen to runs. Between them they pass every point of the program.
func lives(t *testing.T) []life {
	return append(append(endings(), detours()...), outages(t)...)
}

var (
	one   = map[string]string{"box/main.tf": thing("node", "one")}
	two   = map[string]string{"box/main.tf": thing("node", "two")}
	empty = map[string]string{"box/main.tf": "# nothing yet\n"}
	// waiting makes a resource, then waits for the gate.
	waiting = map[string]string{"box/main.tf": gated("GATE", "depends_on = [terraform_data.node]") + thing("node", "one")}
)

// endings are the ways in which a run ends by itself or by one word.
func endings() []life {
	return []life{
		{name: "applied", files: one, answer: approves, steps: []step{
			{"the first commit is applied", nil, applied},
			{"the second commit is applied", commit(two), applied},
		}, ends: []store.Status{store.Applied, store.Applied}},
		{name: "applied from the command line", silent: true, files: one, answer: approves, steps: []step{
			{"it is applied", nil, applied},
			{"it is cleaned up", nil, cleanedUp}, // this happens after its end, and a life that is over by then would pass no point of it
		}, ends: []store.Status{store.Applied}},
		{name: "denied", files: one, steps: []step{
			{"there is a card", nil, func(v *living) bool { _, ok := v.card(1); return ok && is(1, store.Planned)(v) }},
			{"eve is refused and jane denies", func(v *living) {
				m, _ := v.card(1)
				v.slack.Reply(eve, ops, m.TS, "approve")
				v.answer = denies
			}, is(1, store.Discarded)},
			{"eve was answered once", nil, func(v *living) bool { m, _ := v.card(1); return answers(v.slack, m.TS) == 1 }},
		}, ends: []store.Status{store.Discarded}},
		{name: "plan error", files: map[string]string{"box/main.tf": "output \"x\" { value = nosuch.thing }\n"}, steps: []step{
			{"it failed", nil, is(1, store.Errored)},
		}, ends: []store.Status{store.Errored}},
		{name: "apply error", answer: approves, files: map[string]string{"box/main.tf": `resource "terraform_data" "bad" {
  provisioner "local-exec" { command = "exit 3" }
}
`}, steps: []step{{"it failed", nil, func(v *living) bool { return v.applies() > 0 && ended(v) }}}, ends: []store.Status{store.Errored}},
		{name: "no changes", files: empty, steps: []step{{"it is taken", nil, applied}}, ends: []store.Status{store.NoChanges}},
		{name: "expired", files: one, stack: `plan_ttl = "1500ms"`, steps: []step{
			{"it is over", nil, is(1, store.Expired)},
		}, ends: []store.Status{store.Expired}},
		{name: "observed", files: one, stack: `mode = "observe"`, steps: []step{
			{"it is shown", nil, is(1, store.Previewed)},
		}, ends: []store.Status{store.Previewed}},
		{name: "first seen together", files: map[string]string{"box/main.tf": "# nothing yet\n", "net/main.tf": "# nothing yet\n"},
			config: stackBlock("net"), steps: []step{
				{"both are taken", nil, func(v *living) bool { return is(1, store.NoChanges)(v) && is(2, store.NoChanges)(v) }},
			}, ends: []store.Status{store.NoChanges, store.NoChanges}},
	}
}

// detours are what happens to a run before it ends.
func detours() []life {
	order := func(what func(*living, context.Context) error) func(*living) {
		return func(v *living) { v.ask(func(ctx context.Context) error { return what(v, ctx) }) }
	}
	pause := order(func(v *living, ctx context.Context) error {
		return v.client.Pause(ctx, control.PauseRequest{Stack: "box"})
	})
	resume := order(func(v *living, ctx context.Context) error {
		_, err := v.client.Resume(ctx, control.ResumeRequest{Stack: "box"})
		return err
	})
	cancel := func(run string) func(*living) {
		return order(func(v *living, ctx context.Context) error {
			_, err := v.client.Cancel(ctx, control.CancelRequest{Ref: run})
			return err
		})
	}
	return []life{
		{name: "superseded", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"the next commit takes its place", commit(two), is(2, store.Planned)},
			{"it is denied", func(v *living) { v.answer = denies }, is(2, store.Discarded)},
		}, ends: []store.Status{store.Superseded, store.Discarded}},
		{name: "paused", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"it is paused", pause, func(v *living) bool { return v.status.Stacks[0].Paused }},
			{"it is approved and held", func(v *living) { v.answer = approves }, is(1, store.Approved)},
			{"jane takes that back", func(v *living) {
				v.answer, v.approved[1] = nil, false
				v.slack.Delete(ops, v.answered[1])
			}, is(1, store.Planned)},
			{"she approves again", func(v *living) {
				m, _ := v.card(1)
				v.answered[1], v.approved[1] = v.slack.Reply(jane, ops, m.TS, "approve"), true
			}, is(1, store.Approved)},
			{"it goes on", func(v *living) {
				v.answer = approves // of what takes over if it is killed in the apply
				resume(v)
			}, applied},
		}, ends: []store.Status{store.Applied}},
		{name: "superseded while held", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"it is paused", pause, func(v *living) bool { return v.status.Stacks[0].Paused }},
			{"it is approved", func(v *living) { v.answer = approves }, is(1, store.Approved)},
			{"another commit waits", commit(two), func(v *living) bool { return v.run(2).Held != "" }},
			{"a person's run takes its place", func(v *living) {
				v.answer, v.approved[1] = denies, false
				v.command("plan box for a reason")
			}, func(v *living) bool { return v.run(3).Held != "" || v.askedAgain("plan box for a reason") }},
			{"it goes on and is denied", resume, is(3, store.Discarded)},
		}, ends: []store.Status{store.Superseded, store.Superseded, store.Discarded}},
		{name: "stale by the configuration", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"another plan takes its place", func(v *living) {
				v.house.Configure(v.body(`env = { COLOUR = "red" }`))
				v.house.signal(syscall.SIGHUP)
			}, is(2, store.Planned)},
			{"it is denied", func(v *living) { v.answer = denies }, is(2, store.Discarded)},
		}, ends: []store.Status{store.Stale, store.Discarded}},
		{name: "stale by the state", files: one, answer: approves, steps: []step{
			{"it is applied", nil, applied},
			{"the next is planned", func(v *living) {
				v.answer = nil
				v.git.Commit("Change", two)
			}, func(v *living) bool { return v.newest().Commit == v.git.Head() && v.newest().Status == store.Planned }},
			{"the next but one is applied", func(v *living) {
				moveState(v.t, v.house.Data("state"))
				v.answer = approves
			}, applied},
		}, ends: []store.Status{store.Applied, store.Stale, store.Applied}},
		{name: "canceled", files: waiting, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"it is canceled", cancel("1"), is(1, store.Canceled)},
			{"the next is applying", func(v *living) {
				v.git.Commit("Change", v.at(map[string]string{"box/more.tf": thing("more", "one")}))
				v.answer = approves
			}, gone},
			{"it is canceled too", cancel("2"), ended},
		}, ends: []store.Status{store.Canceled, store.Canceled}},
		{name: "interrupted", files: waiting, answer: approves, steps: []step{
			{"it is applying", nil, gone},
			{"the recovery is applied", func(v *living) {
				killBelow(v.house.Data("runs", fmt.Sprint(v.newest().ID)))
				open(v.t, v.gate)
			}, applied},
		}, ends: []store.Status{store.Interrupted, store.Applied}},
		{name: "rewritten", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"another history is held", func(v *living) {
				v.git.Git("commit", "-q", "--amend", "-m", "Begin anew")
				v.git.Commit("Change", two)
			}, func(v *living) bool { return v.status.Repositories[0].HeldHead != "" }},
			{"it is taken", order(func(v *living, ctx context.Context) error {
				return v.client.Accept(ctx, control.AcceptRequest{Repository: "infra", Commit: v.git.Head()})
			}), is(2, store.Planned)},
			{"it is denied", func(v *living) { v.answer = denies }, is(2, store.Discarded)},
		}, ends: []store.Status{store.Superseded, store.Discarded}},
	}
}

// outages are lives in which something outside fails.
func outages(t *testing.T) []life {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(map[bool]int{true: http.StatusNotFound, false: http.StatusInternalServerError}[r.Method == http.MethodGet])
	}))
	t.Cleanup(backend.Close)
	return []life{
		{name: "Slack loses an answer", files: one, steps: []step{
			{"it is planned", func(v *living) {
				v.slack.Fail("chat.postMessage", 1, slacktest.Fault{Kind: slacktest.LoseAnswer})
			}, is(1, store.Planned)},
			{"it is denied", func(v *living) { v.answer = denies }, is(1, store.Discarded)},
		}, ends: []store.Status{store.Discarded}},
		{name: "a pager takes what it is told the second time", silent: true, files: one, config: `notify "pager" {
  events  = ["waiting"]
  command = ["/bin/sh", "-c", "cat >> GATE/pager; test -e GATE/refused || { : > GATE/refused; exit 1; }"]
}
`, steps: []step{
			{"it is told again", nil, func(v *living) bool { return is(1, store.Planned)(v) && v.paged() > 1 }},
			{"it is denied", func(v *living) { v.answer = denies }, is(1, store.Discarded)},
			{"it was told of one thing, once for each time that it refused or nobody could know", nil, func(v *living) bool {
				return v.paged() >= 2 && v.paged() <= 2+len(v.kills)
			}},
		}, ends: []store.Status{store.Discarded}},
		{name: "git goes away and comes back", files: one, steps: []step{
			{"it is planned", nil, is(1, store.Planned)},
			{"git is away", func(v *living) { move(v.t, v.git.Bare, v.git.Bare+".away") },
				func(v *living) bool { return v.status.Repositories[0].Error != "" }},
			{"git is back", func(v *living) { move(v.t, v.git.Bare+".away", v.git.Bare) },
				func(v *living) bool { return v.status.Repositories[0].Error == "" }},
			{"it is denied", func(v *living) { v.answer = denies }, is(1, store.Discarded)},
		}, ends: []store.Status{store.Discarded}},
		{name: "the state cannot be saved", rare: true, answer: approves, files: map[string]string{"box/main.tf": fmt.Sprintf(
			"terraform {\n  backend \"http\" {\n    address = %q\n    retry_max = 0\n  }\n}\n", backend.URL) + thing("node", "one")},
			steps: []step{
				{"the state is kept", nil, func(v *living) bool {
					kept, _ := filepath.Glob(v.house.Data("runs", "*", "errored.tfstate"))
					return len(kept) == 1 && (ended(v) || strings.Contains(v.newest().Held, kept[0]))
				}},
			}, ends: []store.Status{store.Errored}},
	}
}

// paged is how often the pager was told of the one thing that there is to tell; it has the same id each time.
func (v *living) paged() int {
	v.t.Helper()
	text, err := os.ReadFile(filepath.Join(v.gate, "pager"))
	if err != nil {
		return 0 // not yet
	}
	ids, n := map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		var event struct{ ID, Event string }
		if err := json.Unmarshal([]byte(line), &event); err != nil || event.Event != "waiting" {
			v.t.Errorf("the pager was told %q: %v", line, err)
		}
		ids[event.ID] = true
		n++
	}
	if len(ids) > 1 {
		v.t.Errorf("the pager was told of %d things: %v", len(ids), ids)
	}
	return n
}

// gone waits until the newest run's resource waits for the gate.
func gone(v *living) bool {
	return v.newest().Status == store.Applying && exists(filepath.Join(v.gate, "ran"))
}

// applies is how many applies really started.
func (v *living) applies() int { return len(v.oracle.applies()) }

// moveState makes the kept state one that was changed since.
func moveState(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.tfstate"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the states below %s: %v, %v", dir, files, err)
	}
	state := decode[map[string]any](t, read(t, files[0]))
	state["serial"] = state["serial"].(float64) + 1
	text, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files[0], string(text))
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil && !strings.Contains(err.Error(), "no such file") {
		t.Fatal(err)
	}
}

// command is something that jane says to the bot.
func (v *living) command(text string) {
	v.said = v.slack.Say(jane, ops, "<@"+v.slack.BotUserID()+"> "+text)
}

// askedAgain repeats what jane said last if the bot does not know whether it was done. It is never true.
func (v *living) askedAgain(text string) bool {
	for _, m := range v.slack.Thread(ops, v.said) {
		if m.TS != v.said && strings.Contains(m.Text, "say it again") {
			v.command(text)
			return false
		}
	}
	return false
}
