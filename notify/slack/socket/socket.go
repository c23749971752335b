// Package socket hears what people do in Slack, over a websocket that we open (Slack calls it Socket Mode): who pressed which button of
// a message, what a modal was submitted with, that somebody wrote something. Nobody connects to us.
//
// A [Socket] is made with [New] and kept open by [Socket.Run]. Each thing that a person did comes to the [Handler] as an [Event]; what
// the handler answers goes back to Slack. Modals are opened by [slack.Client.OpenView], and changed by UpdateView and PushView there; a
// person is told something alone by [slack.Client.PostPrivately].
//
// # What can be relied on
//
// An event is acknowledged after its handler returned no error, and never before: by then it has to be recorded so that nothing loses
// it. Slack waits three seconds, so a handler has [HandlerTime], and whoever needs longer records and goes on elsewhere. What is not
// acknowledged Slack shows to the person as a fault, with a button, and sends again, with a message; it has never been seen to send a
// press of a button again.
//
// An event comes at least once, at any time. The connection may be lost between the record and the acknowledgement, several may be open
// at a time, and what is sent again may have another envelope: events are the same if User, Message or View, Action and At are.
// Handlers run beside each other, in no order; At is when the person acted.
//
// Everything in an event was written by a person or by whoever holds the app's token. It is bounded in length and otherwise as it came:
// a button's value is what we put there only as far as Slack tells the truth. See [Event] for what has to be compared.
//
// Slack gives each event to one of the connections that are open for an app, ours or another program's with the same token. So an event
// may be about a message of another agent, and ours may have gone to it: polling remains what decisions rest upon.
//
// # Why not the library's client
//
// slack-go's socketmode closes a connection before it opens the next one, though Slack announces the end of a connection so that there
// need not be a gap; it hands acknowledgements to whichever connection comes next, where the envelope is unknown; it never says whether one
// was written; it drops an envelope whose blocks it does not know; and it parses what came in goroutines of its own, in which a panic ends
// the program. The websocket itself is gorilla's, on which that client stands too.
package socket

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"sallyport/notify/redact"
	"sallyport/notify/slack"
)

// HandlerTime is how long a handler has until its context ends: what is acknowledged later than three seconds after Slack sent it comes
// too late.
const HandlerTime = 2500 * time.Millisecond

// Kind says what somebody did.
type Kind string

// What somebody can do.
const (
	Click     Kind = "block_actions"   // press a button, or choose something, in a message or in a modal
	Submitted Kind = "view_submission" // submit a modal
	Closed    Kind = "view_closed"     // close one that asks to be told (notify_on_close)
	Said      Kind = "message"         // write, edit or delete something in a channel that the bot is in
)

// Event is one thing that a person did in Slack.
type Event struct {
	Envelope string // Slack's id of this delivery
	Kind     Kind
	App      string // the app whose button it is, A...; to be compared with ours
	User     string // who, U... or W...; of a message that somebody's app wrote: empty
	Team     string // that user's own workspace, T...; empty where Slack does not say
	// Workspace is where it was done, and Enterprise the organisation that it belongs to, if it is in one.
	Workspace, Enterprise string

	Channel string // where: C..., G... or D...; empty in a modal
	Message string // the timestamp of the message that the button is in, or that was written, edited or deleted
	Thread  string // the timestamp of the thread's first message, if it is in a thread

	Action, Block, Value string   // of the button, or of what was chosen
	Options              []string // of what can be chosen several of

	Trigger     string // for opening a modal; lives three seconds
	View        *View  // the modal in which it was done; nil: it was not in one
	At          time.Time
	ResponseURL redact.Secret // lets whoever has it write into the channel
}

// View is a modal as the person left it.
type View struct {
	ID, Hash string
	Root     string // the id of the modal that lies below all
	Callback string
	Private  string                      // the private_metadata that it was opened with
	State    map[string]map[string]Field // what was filled in, by block and action
	Cleared  bool                        // of Closed: all modals were closed at once
}

// Field is what somebody filled in.
type Field struct {
	Value   string   // typed or chosen
	Options []string // of what can be chosen several of; empty: nothing is
}

// Answer is what the acknowledgement says. The zero one says nothing more; what is submitted then closes the modal.
type Answer struct {
	Action string            // for Submitted: errors, update, push or clear; empty: errors if there are some, update if there is a view
	View   *slack.Modal      // of update and push
	Errors map[string]string // what is wrong, by the input block's id
}

// Handler is told of an event. With a nil error it is acknowledged, so what has to outlive a crash is recorded by then. With another one
// it is not.
type Handler func(ctx context.Context, e Event) (Answer, error)

// Options say whom to connect to, and who is told.
type Options struct {
	Client  *slack.Client // with an app token
	Handler Handler
	Log     *slog.Logger     // default: none
	Now     func() time.Time // default time.Now
	// Guard does a piece of work in which a panic is an error. Default: it is not.
	Guard func(work string, f func() error) error
	// Changed is called when [Socket.State] says something else. Default: nobody is.
	Changed func()
	// Rest waits until the next try. Default: that long, or until ctx ends.
	Rest func(ctx context.Context, d time.Duration)
	// Jitter spreads tries; it returns a number in [0,1). Default: random.
	Jitter func() float64

	deaf time.Duration // without any frame a connection is lost; default deafAfter
}

func (o *Options) validate() error {
	if o.Client == nil || o.Handler == nil {
		return errors.New("socket: a client and a handler are needed")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Guard == nil {
		o.Guard = func(_ string, f func() error) error { return f() }
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Rest == nil {
		o.Rest = rest
	}
	if o.deaf <= 0 {
		o.deaf = deafAfter
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// State is how the socket is.
type State struct {
	Connected   bool
	Since       time.Time // connected, or lost, since; zero: it was never connected yet
	Err         error     // why it is not, or what went wrong last; nil: nothing did
	Connects    int       // how often it was connected, the first time included
	Connections int       // open for the app when we were connected last, ours included: with more than ours somebody else gets a part
	App         string    // the app's id, A..., once known
}

// Socket is a connection to Slack that is opened again whenever it is lost. It is safe for concurrent use; [Socket.Run] is called once.
type Socket struct {
	opts  Options
	slots chan struct{} // of the handlers that may run at a time

	mu    sync.Mutex
	state State
	open  int  // connections over which events come
	renew bool // the next connection is being opened since Slack wants to end this one
	group sync.WaitGroup
}

// handlers is how many may run at a time. More wait in Slack.
const handlers = 16

// New makes a socket; it connects when it is run.
func New(o Options) (*Socket, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Socket{opts: o, slots: make(chan struct{}, handlers)}, nil
}

// State tells how the socket is now.
func (s *Socket) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// contained does work in which a panic is an error; failed is told of one, of the work's own too.
func (s *Socket) contained(work string, f func() error, failed func(error)) {
	if err := s.opts.Guard(work, f); err != nil {
		failed(err)
	}
}
