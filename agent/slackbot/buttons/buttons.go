// Package buttons takes what people press on the cards of runs in Slack, and what they submit in the modals that open there.
//
// A press is a reply in other clothes: it is turned into the words of one, weighed by [operator.Operator.Decide] like one, and told in the
// run's thread, which is what history shows. What is different is how it comes: once, from one connection of maybe several, and with
// somebody who waits for an answer. So whatever is decided is durable before [Buttons.Handle] returns, and who pressed is told at once, alone,
// what was counted or why not.
//
// # What is trusted
//
// Slack says who pressed, and that is all that is taken from it. Which run and which plan it is about comes back from the button, or from the
// modal, as we put it there, through a program on somebody's machine: both are looked up, the plan has to be the one that waits, the
// message the run's own, and the person is asked for anew. A press that comes twice or late is weighed again: one that was
// counted is one vote, and nothing is remembered of it but that vote.
//
// A vote by a button names no message in the thread, so nobody takes it back by deleting one; right before an apply its author is looked
// up again like that of every other.
package buttons

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync/atomic"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/clock"
	"sallyport/agent/engine"
	"sallyport/agent/fault"
	"sallyport/agent/health"
	"sallyport/agent/journal"
	"sallyport/agent/ledger"
	"sallyport/agent/operator"
	"sallyport/agent/outbox"
	"sallyport/agent/slackbot/commands"
	"sallyport/agent/workers"
	"sallyport/notify/button"
	"sallyport/notify/slack"
	"sallyport/notify/slack/modal"
	"sallyport/notify/slack/socket"
	"sallyport/store"
)

// Buttons takes what is pressed.
type Buttons struct {
	opts     Options
	followed atomic.Value // of [Buttons.Follow]: yes or no, once known
	crowd    crowd
}

// Options are what buttons works with.
type Options struct {
	Active   *active.Active
	Clocks   *clock.Clock
	Engines  *engine.Engines
	Health   *health.Health
	ID       string
	Journal  *journal.Journal
	Ledger   *ledger.Ledger
	Log      *slog.Logger
	Operator *operator.Operator
	Outbox   *outbox.Outbox
	Store    *store.Store
	Work     *workers.Pool
}

// New makes what takes presses.
func New(o Options) *Buttons { return &Buttons{opts: o} }

const (
	// askTime is how long Slack has to say who somebody is: of the time of a handler that is the larger part.
	askTime = 1500 * time.Millisecond
	// tellTime bounds what is told to somebody, after the press was acknowledged.
	tellTime = 15 * time.Second
)

// elsewhere is said to who pressed a button of another agent's, which has the same token and so gets some of what is pressed on ours.
const elsewhere = "This card belongs to another agent; reply in its thread."

// userID is what an account in Slack looks like. Nothing else is ever written down as somebody.
var userID = regexp.MustCompile(`^[UW][A-Z0-9]{2,20}$`)

// press is something that a person did, and the configuration in which it is weighed.
type press struct {
	conf *active.Config
	e    socket.Event
	user string
	run  *store.Run     // nil until it is found
	of   button.Context // what it is about
	// stranger: that they may not was known, and maybe told, a moment ago
	stranger bool
}

// by is who did it, as votes name people.
func (p *press) by() string { return "slack:" + p.user }

// said is an answer to somebody who waits for one, which is no error: what was counted, or why not.
type said string

// Handle takes one event, see [socket.Handler]. An error says that it was not taken, and that nobody was told anything.
func (b *Buttons) Handle(ctx context.Context, e socket.Event) (socket.Answer, error) {
	conf := b.opts.Active.Current.Load()
	switch {
	case e.Kind != socket.Click && e.Kind != socket.Submitted:
		return socket.Answer{}, nil
	case conf.Slack == nil:
		return socket.Answer{}, errors.New("there is no slack block in the configuration any more")
	case !userID.MatchString(e.User):
		return socket.Answer{}, fmt.Errorf("%q pressed something, who is nobody", e.User)
	}
	p := &press{conf: conf, e: e, user: e.User}
	if e.Kind == socket.Submitted {
		return b.submitted(ctx, p)
	}
	text, err := b.clicked(ctx, p)
	if text, err = b.told(p, text, err); text != "" && !(p.stranger && b.crowd.tooMuch(p, time.Now())) {
		b.tell(p, text)
	}
	return socket.Answer{}, err
}

// clicked does what a button is for. It says what to tell; nothing where a modal was opened instead.
func (b *Buttons) clicked(ctx context.Context, p *press) (said, error) {
	action := button.Action(p.e.Action)
	switch action {
	case button.Previous, button.Next:
		return b.turn(ctx, p)
	case button.Approve, button.ApproveAsk, button.DenyAsk, button.CancelAsk, button.Details:
	default:
		return "", nil // of no card
	}
	if why, err := b.ofCard(p); why != "" || err != nil {
		return why, err
	}
	switch action {
	case button.Approve:
		return b.decide(ctx, p, string(store.Approve))
	case button.Details:
		return b.details(ctx, p)
	}
	return b.ask(ctx, p, action)
}

// submitted does what a modal was opened for, and answers in it.
func (b *Buttons) submitted(ctx context.Context, p *press) (socket.Answer, error) {
	if p.e.View == nil {
		return socket.Answer{}, errors.New("nothing was submitted")
	}
	text, wrong, err := b.filled(ctx, p)
	if text, err = b.told(p, text, err); err != nil {
		return socket.Answer{}, err
	}
	if wrong != nil {
		return socket.Answer{Errors: wrong}, nil
	}
	view := modal.Result(p.of.Run, b.shown(string(text)))
	return socket.Answer{View: &view}, nil
}

// told makes words of the errors that somebody has to be told of, since they end what was pressed: the store has no room, or Slack does
// not say who they are. Nothing was counted then. Other errors stay what they are: nobody knows more.
func (b *Buttons) told(p *press, text said, err error) (said, error) {
	var slackErr *slack.Error
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, store.ErrFull):
		return "This is not recorded and does not count: the agent's disk is full. Press again when there is room, or reply in the thread: a reply is read again by itself.", nil
	case errors.As(err, &slackErr), errors.Is(err, context.DeadlineExceeded):
		b.opts.Log.Warn("weighing a press", "user", p.user, "run", p.of.Run, "err", err)
		return "This did not count: Slack did not say in time who you are. Press again, or reply in the thread.", nil
	}
	return "", err
}

// tell tells somebody, and nobody else, what became of a press. It is beside: what was pressed is acknowledged meanwhile.
func (b *Buttons) tell(p *press, text said) {
	post := slack.Post{Channel: p.e.Channel, Text: b.shown(string(text)), Key: "press/" + p.e.Envelope, Agent: b.opts.ID, Run: p.of.Run}
	b.opts.Health.Aside("telling somebody what became of a press", func() {
		ctx, cancel := context.WithTimeout(b.opts.Work.Context(), tellTime)
		defer cancel()
		if err := p.conf.Slack.PostPrivately(ctx, post, p.user); err != nil {
			b.opts.Log.Warn("telling somebody what became of a press", "user", p.user, "run", post.Run, "err", err)
		}
	})
}

// shown is a text as it leaves for Slack: without secrets, and with names in the place of accounts.
func (b *Buttons) shown(text string) string {
	return b.opts.Active.Names().At(b.opts.Health.Redact(text))
}

// mayNot says why somebody may not do something about a run; empty if they may. An error means that Slack could not tell.
func (b *Buttons) mayNot(ctx context.Context, p *press, verb string) (said, error) {
	s := p.conf.Stack(p.run.Stack)
	why := b.crowd.refused(p, time.Now())
	if p.stranger = why != ""; !p.stranger {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		var err error
		if why, err = p.conf.Directory.MayDecide(ctx, p.user, active.Approvers(p.conf.Cfg, s)); err != nil {
			return "", fmt.Errorf("weighing a press on #%d: %w", p.run.ID, err)
		}
		b.crowd.remember(p, why, time.Now())
	}
	if why == "" || fault.Without("approver") {
		return "", nil
	}
	return said(commands.MayNot(p.conf, p.user, commands.About{Verb: verb, Stack: s, Run: p.run}, why)), nil
}
