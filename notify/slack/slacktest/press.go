package slacktest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sallyport/notify/slack/slacktest/blockkit"
	"sallyport/notify/slack/slacktest/link"
)

// Press is something that somebody did with a button or a modal, and what came of it as that person sees it.
type Press struct {
	live *Live
	user string
	view string // of the modal that was submitted
	sent *link.Envelope

	done  bool
	fault string
}

func (p *Press) end(fault string) {
	if !p.done {
		p.done, p.fault = true, fault
	}
}

// Wait blocks until the app has acknowledged it. An error is what the person sees: a sign that it did not work.
func (p *Press) Wait(ctx context.Context) error {
	var ended Press
	if err := p.live.s.WaitFor(ctx, func() bool { p.live.locked(func() { ended = *p }); return ended.done }); err != nil {
		return err
	}
	if ended.fault != "" {
		return fmt.Errorf("slack shows %s that it did not work: %s", p.user, ended.fault)
	}
	return nil
}

// Again tells the app once more of the same press, with another envelope.
func (p *Press) Again() {
	l := p.live
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	defer l.s.tell()
	if lost := l.Socket.Deliver(p.sent); lost != "" {
		p.end(lost)
	}
}

// Press presses a button of a message, by its action id. It panics where nobody could: there is no such button, or the person is not
// there (any more); a press of before comes late with [link.Hub.Hold].
func (l *Live) Press(user, channel, ts, action string) *Press {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	defer l.s.tell()
	m := mustMessage(l.s, channel, ts)
	u := l.mustPresser(user)
	if slices.Contains(u.Left, channel) {
		panic("slacktest: " + user + " is not in " + channel)
	}
	p := &Press{live: l, user: user}
	payload := l.interaction("block_actions", u)
	maps.Copy(payload, map[string]any{
		"container": map[string]any{"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
		"channel":   map[string]any{"id": channel, "name": l.s.channels[channel].Name}, "message": api{l.s}.messageJSON(m, false),
		"trigger_id": l.newTrigger(user, ""), "response_url": l.s.url + "/actions/" + l.s.opts.TeamID + "/" + fmt.Sprint(l.s.serial),
		"state": map[string]any{"values": map[string]any{}}, "actions": []map[string]any{blockkit.Pressed(m.Blocks, action, nil, l.s.nextTS())},
	})
	if m.ThreadTS != "" {
		payload["container"].(map[string]any)["thread_ts"] = m.ThreadTS
	}
	l.interact(p, payload)
	return p
}

// PressIn presses, or chooses, something in the topmost modal that somebody has before them. chosen is a string for one choice, a
// []string for ticks, nil for a button.
func (l *Live) PressIn(user, action string, chosen any) *Press {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	defer l.s.tell()
	v, u := l.mustTop(user), l.mustPresser(user)
	p := &Press{live: l, user: user}
	payload := l.interaction("block_actions", u)
	maps.Copy(payload, map[string]any{
		"container": map[string]any{"type": "view", "view_id": v.ID}, "trigger_id": l.newTrigger(user, v.ID), "view": l.viewJSON(v),
		"actions": []map[string]any{blockkit.Pressed(v.Blocks, action, chosen, l.s.nextTS())},
	})
	l.interact(p, payload)
	return p
}

// Submit submits the topmost modal that somebody has before them. It panics where Slack would not let them: what has to be filled in is
// not, or what is filled in is not there.
func (l *Live) Submit(user string, filled blockkit.Filled) *Press {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	defer l.s.tell()
	v, u := l.mustTop(user), l.mustPresser(user)
	if v.JSON["submit"] == nil {
		panic("slacktest: the modal of " + user + " cannot be submitted")
	}
	p := &Press{live: l, user: user, view: v.ID}
	payload := l.interaction("view_submission", u)
	shown := l.viewJSON(v)
	shown["state"] = map[string]any{"values": blockkit.State(v.Blocks, filled)}
	maps.Copy(payload, map[string]any{"trigger_id": l.newTrigger(user, v.ID), "view": shown, "response_urls": []any{}})
	l.interact(p, payload)
	return p
}

// Dismiss closes the topmost modal that somebody has before them. The app is told if it asked for it.
func (l *Live) Dismiss(user string) {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	defer l.s.tell()
	v, u := l.mustTop(user), l.mustPresser(user)
	l.views[user] = l.views[user][:len(l.views[user])-1]
	if v.JSON["notify_on_close"] == true {
		payload := l.interaction("view_closed", u)
		maps.Copy(payload, map[string]any{"view": l.viewJSON(v), "is_cleared": false})
		l.interact(&Press{live: l, user: user}, payload)
	}
}

func (l *Live) mustPresser(user string) *User {
	u := l.s.users[user]
	if u == nil || u.Deleted || u.Bot {
		panic("slacktest: " + user + " cannot press anything; a press of before comes late with Socket.Hold")
	}
	return u
}

func (l *Live) mustTop(user string) *View {
	stack := l.views[user]
	if len(stack) == 0 {
		panic("slacktest: " + user + " has no modal before them")
	}
	return stack[len(stack)-1]
}

func (l *Live) interaction(kind string, u *User) map[string]any {
	var enterprise any
	if u.Enterprise != "" {
		enterprise = map[string]any{"id": u.Enterprise, "name": u.Enterprise}
	}
	return map[string]any{
		"type": kind, "token": "verification", "api_app_id": l.s.opts.AppID, "enterprise": enterprise, "is_enterprise_install": false,
		"user": map[string]any{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"team": map[string]any{"id": l.s.opts.TeamID, "domain": l.s.opts.Team},
	}
}

// interact tells the app, if it is to be told.
func (l *Live) interact(p *Press, payload map[string]any) {
	if l.app.NoInteractive {
		p.end("this app is not configured to handle interactive responses")
		return
	}
	p.sent = &link.Envelope{
		Kind: "interactive", Payload: payload, Answers: payload["type"] == "view_submission",
		Acknowledged: func(answer map[string]any) { l.locked(func() { l.acknowledged(p, answer) }) },
		Lost:         func(why string) { l.locked(func() { p.end(why) }) },
	}
	if lost := l.Socket.Deliver(p.sent); lost != "" {
		p.end(lost)
	}
}

// acknowledged is what an acknowledgement of a press leads to. The lock is held.
func (l *Live) acknowledged(p *Press, answer map[string]any) {
	if p.view == "" || p.done {
		p.end("")
		return
	}
	stack := l.views[p.user]
	i := slices.IndexFunc(stack, func(v *View) bool { return v.ID == p.view })
	if i < 0 {
		p.end("")
		return
	}
	switch kind := answer["response_action"]; kind {
	case nil:
		l.views[p.user] = stack[:i]
	case "clear":
		l.views[p.user] = nil
	case "errors":
		p.end(l.showErrors(stack[i], answer["errors"]))
	case "update", "push":
		p.end(l.showAnswer(stack[i], fmt.Sprint(kind), answer["view"]))
	default:
		p.end(fmt.Sprintf("an answer that Slack does not know: %v", kind))
	}
	p.end("")
}

// showErrors shows what is wrong at the blocks of a modal, which have to be those where something is filled in.
func (l *Live) showErrors(v *View, said any) string {
	list, _ := said.(map[string]any)
	if len(list) == 0 {
		return "an answer with errors that names none"
	}
	v.Errors = map[string]string{}
	for block, text := range list {
		if !slices.ContainsFunc(v.Blocks, func(b map[string]any) bool { return b["block_id"] == block && b["type"] == "input" }) {
			return "we had some trouble connecting: an error at " + block + ", which is no input block"
		}
		v.Errors[block], _ = text.(string)
	}
	return ""
}
