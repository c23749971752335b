package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/agent"
	"sallyport/agent/journal"
	"sallyport/agent/patience"
	"sallyport/notify"
	"sallyport/notify/button"
	"sallyport/notify/slack/modal"
	"sallyport/notify/slack/slacktest"
	"sallyport/notify/slack/socket"
	"sallyport/store"
)

// fullStore takes nothing while it is full.
type fullStore struct {
	journal.Store
	full *atomic.Bool
}

func (s fullStore) Update(f func(*store.Tx) error) error {
	if s.full.Load() {
		return store.ErrFull
	}
	return s.Store.Update(f)
}

// presser is Slack, as far as it brings what people press.
type presser struct {
	t    *testing.T
	s    *slacktest.Server
	h    *house
	full atomic.Bool
	n    atomic.Int64
}

func (p *presser) start() {
	exe, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	running := p.h.Start(agent.Options{Version: "test", Executable: exe, Outside: agent.Outside{
		Records: func(s *store.Store) journal.Store { return fullStore{s, &p.full} },
	}})
	p.h.agent, p.h.stop = running.Agent, running.Stop
}

// click is somebody's press of a button on a card.
func (p *presser) click(user string, card slacktest.Message, a button.Action) socket.Event {
	run, _, digest, id, ok := card.Run()
	if !ok {
		p.t.Fatalf("no card: %s", card.Metadata)
	}
	return socket.Event{
		Envelope: fmt.Sprint("e", p.n.Add(1)), Kind: socket.Click, User: user, Channel: ops, Message: card.TS, Action: string(a),
		Block: button.Block(id), Value: button.Target{Run: run, Digest: digest}.String(), Trigger: "t", At: time.Now(),
	}
}

// submit is what somebody submits in the modal that a button of a card opened.
func (p *presser) submit(user string, card slacktest.Message, callback string, state map[string]map[string]socket.Field) socket.Event {
	run, _, digest, id, _ := card.Run()
	about := button.Context{Target: button.Target{Run: run, Digest: digest}, Mark: button.Mark(id)}
	return socket.Event{
		Envelope: fmt.Sprint("e", p.n.Add(1)), Kind: socket.Submitted, User: user, At: time.Now(),
		View: &socket.View{ID: "V1", Callback: callback, Private: about.String(), State: state},
	}
}

// ticked is what a modal brings in which something was ticked and typed.
func ticked(typed string, values ...string) map[string]map[string]socket.Field {
	return map[string]map[string]socket.Field{
		modal.Ticks + "_0": {modal.Ticks + "_0": {Options: values}},
		modal.Typed:        {modal.Typed: {Value: typed}},
	}
}

// told gives the agent an event and returns what the person alone was told, in Slack or in the modal. On a busy machine Slack takes longer to
// answer than somebody waits; who is told so presses again.
func (p *presser) told(e socket.Event) string {
	p.t.Helper()
	for range tries {
		if text := p.toldOnce(e); !strings.Contains(text, "Slack did not say in time") {
			return text
		}
	}
	p.t.Fatalf("Slack never says in time who %s is", e.User)
	return ""
}

// tries is how often somebody presses again.
const tries = 50

func (p *presser) toldOnce(e socket.Event) string {
	p.t.Helper()
	before := len(p.s.Ephemerals(ops))
	answer, err := p.h.agent.Press(p.t.Context(), e)
	switch {
	case err != nil:
		return "error: " + err.Error()
	case answer.View != nil:
		raw, err := json.Marshal(answer.View.Blocks)
		if err != nil {
			p.t.Fatal(err)
		}
		return string(raw)
	case len(answer.Errors) > 0:
		return fmt.Sprintf("errors: %v", answer.Errors)
	case e.Kind == socket.Submitted:
		p.t.Errorf("%s submitted something, and was told nothing", e.User)
		return ""
	}
	var text string
	wait(p.t, p.s, "nobody told "+e.User+" anything", func() bool {
		for _, m := range p.s.Ephemerals(ops)[before:] {
			if m.User == e.User {
				text = m.Visible()
			}
		}
		return text != ""
	})
	return text
}

func wait(t *testing.T, s *slacktest.Server, otherwise string, until func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit())
	defer cancel()
	if err := s.WaitFor(ctx, until); err != nil {
		t.Fatalf("%s: %v", otherwise, err)
	}
}

// lines counts the bot's lines of a thread that say something.
func (p *presser) lines(card slacktest.Message, part string) int {
	n := 0
	for _, m := range p.s.Thread(ops, card.TS) {
		if strings.Contains(m.Visible(), part) {
			n++
		}
	}
	return n
}

func (p *presser) undecided(run string) {
	p.t.Helper()
	if r := p.h.Reaches(run, store.Planned); len(r.Decisions) != 0 {
		p.t.Fatalf("something counted: %+v", r.Decisions)
	}
}

// configured starts the agent with another configuration, for once.
func (p *presser) configured(body string) {
	was := p.h.Body
	p.h.Configure(body)
	p.start()
	p.h.Body = was
}

func hasButtons(s *slacktest.Server, card slacktest.Message) bool {
	m, _ := s.Message(ops, card.TS)
	return slices.ContainsFunc(m.Blocks, func(b map[string]any) bool { return b["type"] == "actions" })
}

// submitted is an approval submitted in a modal that carries anything.
func (p *presser) submitted(user, private string) socket.Event {
	return socket.Event{Envelope: "e", Kind: socket.Submitted, User: user, At: time.Now(), View: &socket.View{ID: "V1", Callback: modal.CallbackApprove, Private: private}}
}

// ticks are the values of what there is to tick of a run.
func (p *presser) ticks(t *testing.T, ref string) []string {
	run := p.h.Reaches(ref, store.Planned)
	plan := &store.Plan{}
	for _, c := range run.Plan.Changes {
		plan.Changes = append(plan.Changes, store.Change{Address: c.Address, Actions: c.Actions, Class: c.Class, Protected: c.Protected})
	}
	var values []string
	for _, o := range button.Options(notify.Card{Plan: plan, ShowAddresses: true}) {
		values = append(values, o.Value)
	}
	slices.Sort(values)
	return values
}
