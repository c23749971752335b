package socket

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/redact"
)

const (
	// maxText is the longest text that Slack lets anybody type or an app attach, in bytes with room to spare: 3,000 characters.
	maxText = 16 << 10
	// maxParts bounds actions, fields and choices.
	maxParts = 200
)

// payload is what an envelope carries, of all kinds; only what is used.
type payload struct {
	Type    string `json:"type"`
	App     string `json:"api_app_id"`
	Trigger string `json:"trigger_id"`
	User    struct {
		ID   string `json:"id"`
		Team string `json:"team_id"`
	} `json:"user"`
	Team       thing `json:"team"`
	Enterprise thing `json:"enterprise"`
	Channel    thing `json:"channel"`
	Message    struct {
		TS     string `json:"ts"`
		Thread string `json:"thread_ts"`
	} `json:"message"`
	Container struct {
		Channel string `json:"channel_id"`
		Message string `json:"message_ts"`
		Thread  string `json:"thread_ts"`
	} `json:"container"`
	View        *view    `json:"view"`
	Actions     []action `json:"actions"`
	ResponseURL string   `json:"response_url"`
	Cleared     bool     `json:"is_cleared"`

	// of events
	Workspace string  `json:"team_id"`
	Company   string  `json:"enterprise_id"`
	Event     message `json:"event"`
}

type thing struct {
	ID string `json:"id"`
}

type view struct {
	ID       string `json:"id"`
	Hash     string `json:"hash"`
	Root     string `json:"root_view_id"`
	Callback string `json:"callback_id"`
	Private  string `json:"private_metadata"`
	State    struct {
		Values map[string]map[string]action `json:"values"`
	} `json:"state"`
}

type option struct {
	Value string `json:"value"`
}

// action is something that was pressed, chosen or typed.
type action struct {
	Action  string   `json:"action_id"`
	Block   string   `json:"block_id"`
	Value   string   `json:"value"`
	At      string   `json:"action_ts"`
	Option  *option  `json:"selected_option"`
	Options []option `json:"selected_options"`
	User    string   `json:"selected_user"`
}

// message is an event that somebody wrote, edited or deleted something.
type message struct {
	Type     string `json:"type"`
	User     string `json:"user"`
	Team     string `json:"team"`
	UserTeam string `json:"user_team"`
	Channel  string `json:"channel"`
	TS       string `json:"ts"`
	Thread   string `json:"thread_ts"`
	EventTS  string `json:"event_ts"`
	Deleted  string `json:"deleted_ts"`
	Now      *inner `json:"message"`          // as it was edited
	Before   *inner `json:"previous_message"` // as it was before
}

type inner struct {
	User   string `json:"user"`
	TS     string `json:"ts"`
	Thread string `json:"thread_ts"`
}

// decode reads an envelope. None of what we want to know of: no events and no error.
func decode(f frame, came time.Time) ([]Event, error) {
	if f.Envelope == "" {
		return nil, errors.New("it has no id")
	}
	if f.Type != "interactive" && f.Type != "events_api" {
		return nil, nil
	}
	var p payload
	if err := json.Unmarshal(f.Payload, &p); err != nil {
		return nil, fmt.Errorf("reading the payload: %w", errors.New(redact.CleanLine(err.Error())))
	}
	base := Event{
		Envelope: f.Envelope, App: p.App, User: p.User.ID, Team: p.User.Team, Workspace: p.Team.ID, Enterprise: p.Enterprise.ID,
		Trigger: p.Trigger, ResponseURL: redact.NewSecret(p.ResponseURL), At: came,
	}
	events, err := []Event(nil), error(nil)
	switch kind := Kind(p.Type); {
	case f.Type == "events_api":
		events = said(base, p)
	case kind == Click:
		events, err = clicks(base, p)
	case kind == Submitted, kind == Closed:
		base.Kind = kind
		if base.View, err = p.View.left(); base.View == nil && err == nil {
			err = errors.New("it names no view")
		} else if err == nil {
			base.View.Cleared = p.Cleared
		}
		events = []Event{base}
	}
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if err := e.check(); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// clicks are what was pressed or chosen; in practice one thing.
func clicks(base Event, p payload) ([]Event, error) {
	if len(p.Actions) == 0 || len(p.Actions) > maxParts {
		return nil, errors.New("it names no action, or more than anybody can do at a time")
	}
	left, err := p.View.left()
	if err != nil {
		return nil, err
	}
	base.Kind, base.View = Click, left
	base.Channel = cmp.Or(p.Container.Channel, p.Channel.ID)
	base.Message = cmp.Or(p.Container.Message, p.Message.TS)
	base.Thread = cmp.Or(p.Container.Thread, p.Message.Thread)
	var events []Event
	for _, a := range p.Actions {
		e, chosen := base, a.field()
		e.Action, e.Block, e.Value, e.Options = a.Action, a.Block, chosen.Value, chosen.Options
		if e.Action == "" {
			return nil, errors.New("an action without an id")
		}
		if at, ok := timeOf(a.At); ok {
			e.At = at
		}
		events = append(events, e)
	}
	return events, nil
}

// said is a message that was written, edited or deleted. Of other events nothing is wanted.
func said(base Event, p payload) []Event {
	m := p.Event
	if m.Type != "message" {
		return nil
	}
	base.Kind, base.Workspace, base.Enterprise = Said, cmp.Or(base.Workspace, p.Workspace), cmp.Or(base.Enterprise, p.Company)
	base.User, base.Team, base.Channel, base.Message, base.Thread = m.User, cmp.Or(m.UserTeam, m.Team), m.Channel, cmp.Or(m.Deleted, m.TS), m.Thread
	for _, in := range []*inner{m.Before, m.Now} {
		if in != nil {
			base.User, base.Message, base.Thread = cmp.Or(in.User, base.User), cmp.Or(in.TS, base.Message), cmp.Or(in.Thread, base.Thread)
		}
	}
	if at, ok := timeOf(cmp.Or(m.EventTS, m.TS)); ok {
		base.At = at
	}
	return []Event{base}
}

// left is a modal as the person left it.
func (v *view) left() (*View, error) {
	if v == nil || v.ID == "" {
		return nil, nil
	}
	out := &View{ID: v.ID, Hash: v.Hash, Root: v.Root, Callback: v.Callback, Private: v.Private, State: map[string]map[string]Field{}}
	n := 0
	for block, actions := range v.State.Values {
		out.State[block] = map[string]Field{}
		for name, a := range actions {
			if n++; n > maxParts || len(a.Options) > maxParts {
				return nil, errors.New("its modal has too many fields")
			}
			out.State[block][name] = a.field()
		}
	}
	return out, nil
}

func (a action) field() Field {
	f := Field{Value: cmp.Or(a.Value, a.User)}
	if a.Option != nil {
		f.Value = a.Option.Value
	}
	for _, o := range a.Options {
		f.Options = append(f.Options, o.Value)
	}
	return f
}

// check holds an event against what Slack can send.
func (e Event) check() error {
	texts := append([]string{
		e.Envelope, e.App, e.User, e.Team, e.Workspace, e.Enterprise, e.Channel, e.Message, e.Thread, e.Action, e.Block, e.Value, e.Trigger,
		e.ResponseURL.Reveal(),
	}, e.Options...)
	if v := e.View; v != nil {
		texts = append(texts, v.ID, v.Hash, v.Root, v.Callback, v.Private)
		for block, fields := range v.State {
			texts = append(texts, block)
			for name, f := range fields {
				texts = append(append(texts, name, f.Value), f.Options...)
			}
		}
	}
	for _, text := range texts {
		if len(text) > maxText {
			return errors.New("one of its texts is longer than Slack allows")
		}
	}
	if e.Kind != Said && e.User == "" {
		return errors.New("it does not say who did it")
	}
	if len(e.Options) > maxParts {
		return errors.New("it has too many choices")
	}
	return nil
}

// timeOf reads a timestamp of Slack's: seconds, a point, and up to six digits.
func timeOf(ts string) (time.Time, bool) {
	whole, part, _ := strings.Cut(ts, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec <= 0 || sec > 1<<40 || len(part) > 9 {
		return time.Time{}, false
	}
	nsec, err := strconv.ParseInt((part + "000000000")[:9], 10, 64)
	if err != nil || nsec < 0 {
		return time.Time{}, false
	}
	return time.Unix(sec, nsec).UTC(), true
}

// acknowledgement is what is sent back for an envelope. An answer that cannot be given is left out, with an error: the event itself was
// taken.
func acknowledgement(f frame, a Answer) ([]byte, error) {
	ack := map[string]any{"envelope_id": f.Envelope}
	plain, err := json.Marshal(ack)
	if err != nil || a.View == nil && len(a.Errors) == 0 && a.Action == "" {
		return plain, err
	}
	if !f.AcceptsPayload {
		return plain, errors.New("slack takes no answer to it")
	}
	if a.Action == "" && len(a.Errors) > 0 {
		a.Action = "errors"
	} else if a.Action == "" {
		a.Action = "update"
	}
	answer := map[string]any{"response_action": a.Action}
	if len(a.Errors) > 0 {
		answer["errors"] = a.Errors
	}
	if a.View != nil {
		answer["view"] = a.View
	}
	ack["payload"] = answer
	data, err := json.Marshal(ack)
	if err != nil {
		return plain, fmt.Errorf("writing the answer: %w", err)
	}
	if len(data) >= maxAck {
		return plain, fmt.Errorf("the answer has %d bytes, and Slack drops those from %d", len(data), maxAck)
	}
	return data, nil
}
