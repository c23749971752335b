package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/journal"
	"sallyport/agent/outbox"
	"sallyport/agent/patience"
	"sallyport/notify/slack/slacktest"
	"sallyport/store"
)

const driftChannel = "C0DRIFT0"

// drifting is an agent with seven stacks, an hour of its own and a Slack, in which a test makes drift runs by hand.
type drifting struct {
	*standing
	slack *slacktest.Server
}

func newDrifting(t *testing.T) drifting {
	t.Helper()
	sl, err := slacktest.New(slacktest.Options{Users: []slacktest.User{{ID: "U01JANE0", Name: "jane"}}, Channels: []slacktest.Channel{{ID: driftChannel, Name: "drift", Member: true}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sl.Close)
	more := fmt.Sprintf("slack {\n  token = %q\n  api_url = %q\n  channel = %q\n  approvers = [\"U01JANE0\"]\n  poll = \"100ms\"\n}\n", sl.Token(), sl.URL(), driftChannel)
	for i := range 9 {
		more += fmt.Sprintf("stack \"s%d\" { dir = \"s%d\" }\n", i, i)
	}
	d := drifting{newStandingWith(t, more), sl}
	d.do(func(tx *store.Tx) error { // the channel was read before: what is posted comes after that
		return outbox.CursorKey(driftChannel).Put(tx, outbox.ChannelCursor{TS: "1.000000"})
	})
	return d
}

// drifts makes a drift run of a stack that asks people, some time after the last.
func (d drifting) drifts(stack string, after time.Duration) *store.Run {
	d.t.Helper()
	d.standing.now = d.standing.now.Add(after)
	run := &store.Run{Stack: stack, Repository: "infra", Kind: store.KindDrift, Commit: strings.Repeat("a", 40), AtApplied: true, Reason: "1 gone"}
	err := d.journal.Update(func(tx *journal.Tx) error {
		if err := d.ledger.Create(tx, d.w, run); err != nil {
			return err
		}
		_, err := d.ledger.Move(tx, d.w, run, store.Move{From: store.Pending, To: store.Planning}, nil)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	d.move(run.ID, store.Planned, func(r *store.Run) error {
		r.Plan, r.PlannedAt, r.ExpiresAt = &store.Plan{Digest: "d", Add: 1}, d.standing.now, d.standing.now.Add(24*time.Hour)
		return nil
	})
	return d.get(run.ID)
}

func (d drifting) move(id int, to store.Status, change func(*store.Run) error) {
	d.t.Helper()
	if err := d.ledger.MoveNow(d.w, d.get(id), store.Move{From: d.get(id).Status, To: to}, change); err != nil {
		d.t.Fatal(err)
	}
}

// said delivers everything and returns the messages of the channel, those about many drifts and those of runs.
func (d drifting) said() (many []slacktest.Message, runs []int) {
	d.t.Helper()
	left := 1
	for range 50 {
		d.outbox.Deliver(context.Background())
		d.do(func(tx *store.Tx) error {
			all, err := tx.Outbox()
			left = len(all)
			return err
		})
		if left == 0 {
			break
		}
	}
	if left > 0 {
		d.t.Fatalf("%d messages are not sent", left)
	}
	for _, m := range d.slack.Messages(driftChannel) {
		if strings.HasPrefix(m.Text, "Drift: ") {
			many = append(many, m)
		}
		if run, _, _, _, ok := m.Run(); ok {
			runs = append(runs, run)
		}
	}
	slices.Sort(runs)
	return many, runs
}

// asksFor has somebody ask the bot for a run that has no message of its own, and waits until it has one.
func (d drifting) asksFor(id int) {
	d.t.Helper()
	ctx, stop := context.WithTimeout(d.t.Context(), patience.Limit())
	var listening sync.WaitGroup
	listening.Go(func() { d.slackbot.Listen(ctx) })
	defer listening.Wait()
	defer stop()
	d.slack.Say("U01JANE0", driftChannel, fmt.Sprintf("<@%s> show %d", d.slack.BotUserID(), id))
	for d.get(id).Card == nil {
		changed := d.changes.Next()
		d.outbox.Deliver(ctx)
		if d.get(id).Card != nil {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			d.t.Fatalf("#%d gets no message of its own", id)
		}
	}
}

// More than five stacks that drift within an hour are one message with a line each, edited as they move. Who wants to decide about one
// in Slack has it get a message of its own.
func TestManyDrifts(t *testing.T) {
	t.Parallel()
	d := newDrifting(t)
	var ids []int
	for i := range 5 {
		ids = append(ids, d.drifts(fmt.Sprintf("s%d", i), 10*time.Minute).ID)
	}
	if many, runs := d.said(); len(many) != 0 || !slices.Equal(runs, ids) {
		t.Fatalf("five drifts are %d messages about many, and messages of %v", len(many), runs)
	}
	sixth := d.drifts("s5", time.Minute)
	many, runs := d.said()
	if len(many) != 1 || !slices.Equal(runs, ids) || !strings.HasPrefix(many[0].Text, "Drift: 6 stacks are not as they were applied.\n") {
		t.Fatalf("the sixth: %+v, messages of %v", many, runs)
	}
	seventh := d.drifts("s6", time.Minute)
	first := many[0].TS
	many, runs = d.said()
	if len(many) != 1 || many[0].TS != first || !slices.Equal(runs, ids) {
		t.Fatalf("the seventh: %+v, messages of %v", many, runs)
	}
	for i := range 7 {
		if want := fmt.Sprintf("• s%d #%d: planned, 1 to create, nothing destroyed", i, i+1); !strings.Contains(many[0].Text, want) {
			t.Errorf("there is no line %q in\n%s", want, many[0].Text)
		}
	}
	want := fmt.Sprintf("sallyport show %[1]d for s5. In a shell: sallyport show %[1]d --plan, sallyport approve %[1]d.", sixth.ID)
	if !strings.Contains(strings.ReplaceAll(many[0].Text, "@", ""), want) {
		t.Errorf("it does not say how to decide: %s\nwant %s", many[0].Text, want)
	}

	// One gets a message of its own; the other is decided in a shell, which its line says.
	d.asksFor(sixth.ID)
	d.move(seventh.ID, store.Discarded, nil)
	ids = append(ids, sixth.ID)
	many, runs = d.said()
	if len(many) != 1 || many[0].TS != first || !slices.Equal(runs, ids) || !strings.Contains(many[0].Text, fmt.Sprintf("• s6 #%d: discarded", seventh.ID)) ||
		strings.Contains(many[0].Text, "To decide about one") {
		t.Errorf("after that: %+v, messages of %v", many, runs)
	}
	if d.get(sixth.ID).Card == nil {
		t.Error("nobody knows where its message is")
	}

	// An hour later it is over: the next one has a message of its own, as ever.
	ids = append(ids, d.drifts("s7", time.Hour).ID)
	if many, runs = d.said(); len(many) != 1 || !slices.Equal(runs, ids) {
		t.Errorf("an hour later: %d messages about many, messages of %v", len(many), runs)
	}
}

// A run that was approved in a shell, and asks again, has nothing in Slack where it could: it gets a message of its own.
func TestACollectedRunThatAsksAgain(t *testing.T) {
	t.Parallel()
	d := newDrifting(t)
	var last *store.Run
	for i := range 6 {
		last = d.drifts(fmt.Sprintf("s%d", i), time.Minute)
	}
	d.move(last.ID, store.Approved, nil)
	if _, runs := d.said(); slices.Contains(runs, last.ID) {
		t.Fatal("it has a message already")
	}
	d.move(last.ID, store.Planned, nil)
	if _, runs := d.said(); !slices.Contains(runs, last.ID) {
		t.Error("it asks nobody")
	}
}
