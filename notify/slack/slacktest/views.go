package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"sallyport/notify/slack/slacktest/blockkit"
)

// View is a modal that somebody has before them.
type View struct {
	ID, Hash, Root string
	User           string
	Callback       string
	Private        string
	Title          string
	Blocks         []map[string]any
	Errors         map[string]string // shown at its blocks since it was submitted
	JSON           map[string]any    // as the app sent it
}

// Visible is what that person sees of it.
func (v View) Visible() string { return v.Title + "\n" + Message{Blocks: v.Blocks}.Visible() }

// maxViews is how many modals can lie above each other.
const maxViews = 3

// trigger lets the app open a modal, once and soon.
type trigger struct {
	user, view string // view: the modal that it was pressed in
	until      time.Time
	used       bool
}

// Views are the modals that somebody has before them, the topmost last.
func (l *Live) Views(user string) []View {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	var out []View
	for _, v := range l.views[user] {
		out = append(out, *v)
	}
	return out
}

// WaitView blocks until the topmost modal of somebody is one that a condition likes.
func (l *Live) WaitView(ctx context.Context, user string, like func(View) bool) (View, error) {
	top := func() []View { views := l.Views(user); return views[max(0, len(views)-1):] }
	return waitOne(l.s, ctx, top, like)
}

// ExpireTriggers plays that three seconds have passed since every press so far.
func (l *Live) ExpireTriggers() {
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	for _, t := range l.triggers {
		t.until = time.Time{}
	}
}

func (l *Live) newTrigger(user, view string) string {
	l.s.serial++
	id := fmt.Sprintf("%d.%d.%016x", l.s.serial, len(l.triggers)+1, l.s.serial*7919)
	l.triggers[id] = &trigger{user: user, view: view, until: l.s.opts.Now().Add(l.app.TriggerLife)}
	return id
}

// take uses a trigger up.
func (l *Live) take(p url.Values) (*trigger, result) {
	t := l.triggers[p.Get("trigger_id")]
	switch {
	case p.Get("trigger_id") == "":
		return nil, invalid("missing required field: trigger_id")
	case t == nil:
		return nil, failure("invalid_trigger_id")
	case t.used:
		return nil, failure("exchanged_trigger_id")
	case l.s.opts.Now().After(t.until):
		return nil, failure("expired_trigger_id")
	}
	t.used = true
	return t, nil
}

// sentView reads a modal that the app sends.
func (l *Live) sentView(raw string) (*View, result) {
	if raw == "" {
		return nil, invalid("missing required field: view")
	}
	if len(raw) > 250<<10 {
		return nil, failure("view_too_large")
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(raw), &sent); err != nil {
		return nil, invalid("failed to parse the view")
	}
	if faults := blockkit.Modal(sent); len(faults) > 0 {
		return nil, faulty("invalid_arguments", faults)
	}
	v := &View{JSON: sent, Blocks: blockkit.Blocks(sent)}
	nameBlocks(l.s, v.Blocks)
	v.Callback, _ = sent["callback_id"].(string)
	v.Private, _ = sent["private_metadata"].(string)
	title, _ := sent["title"].(map[string]any)
	v.Title, _ = title["text"].(string)
	return v, nil
}

func (l *Live) newHash() string {
	l.s.serial++
	return fmt.Sprintf("%d.%08x", l.s.opts.Now().Unix(), l.s.serial)
}

// lay puts a modal above those that a person has.
func (l *Live) lay(user string, v *View) {
	l.s.serial++
	v.ID, v.User, v.Hash = fmt.Sprintf("V%09d", l.s.serial), user, l.newHash()
	v.Root = v.ID
	if below := l.views[user]; len(below) > 0 {
		v.Root = below[0].ID
	}
	l.views[user] = append(l.views[user], v)
}

func (l *Live) openView(p url.Values) result {
	v, r := l.sentView(p.Get("view"))
	if r != nil {
		return r
	}
	t, r := l.take(p)
	if r != nil {
		return r
	}
	l.views[t.user] = nil // a new one takes the place of all
	l.lay(t.user, v)
	return result{"view": l.viewJSON(v)}
}

func (l *Live) pushView(p url.Values) result {
	v, r := l.sentView(p.Get("view"))
	if r != nil {
		return r
	}
	t, r := l.take(p)
	if r != nil {
		return r
	}
	stack := l.views[t.user]
	switch {
	case t.view == "" || len(stack) == 0:
		return failure("not_found")
	case len(stack) >= maxViews:
		return failure("push_limit_reached")
	}
	l.lay(t.user, v)
	return result{"view": l.viewJSON(v)}
}

func (l *Live) updateView(p url.Values) result {
	v, r := l.sentView(p.Get("view"))
	if r != nil {
		return r
	}
	if p.Get("view_id") == "" {
		return invalid("missing required field: view_id")
	}
	shown := l.shown(p.Get("view_id"))
	switch {
	case shown == nil:
		return failure("not_found")
	case p.Get("hash") != "" && p.Get("hash") != shown.Hash:
		return failure("hash_conflict")
	}
	l.replace(shown, v)
	return result{"view": l.viewJSON(shown)}
}

// replace shows another modal in the place of one.
func (l *Live) replace(shown, v *View) {
	v.ID, v.Root, v.User, v.Hash = shown.ID, shown.Root, shown.User, l.newHash()
	*shown = *v
}

// shown is a modal that somebody has before them.
func (l *Live) shown(id string) *View {
	for _, stack := range l.views {
		if i := slices.IndexFunc(stack, func(v *View) bool { return v.ID == id }); i >= 0 {
			return stack[i]
		}
	}
	return nil
}

func (l *Live) viewJSON(v *View) map[string]any {
	out := maps.Clone(v.JSON)
	maps.Copy(out, map[string]any{
		"id": v.ID, "hash": v.Hash, "team_id": l.s.opts.TeamID, "root_view_id": v.Root, "previous_view_id": nil, "app_id": l.s.opts.AppID,
		"bot_id": l.s.opts.BotID, "app_installed_team_id": l.s.opts.TeamID, "private_metadata": v.Private, "callback_id": v.Callback,
		"state": map[string]any{"values": map[string]any{}},
	})
	return out
}

// showAnswer shows a modal that an acknowledgement brings; it returns what the person sees instead.
func (l *Live) showAnswer(shown *View, kind string, sent any) string {
	raw, _ := json.Marshal(sent) // it came from JSON
	v, r := l.sentView(string(raw))
	if r != nil {
		return fmt.Sprintf("we had some trouble connecting: %v", r)
	}
	if kind == "update" {
		l.replace(shown, v)
		return ""
	}
	if len(l.views[shown.User]) >= maxViews {
		return "we had some trouble connecting: push_limit_reached"
	}
	l.lay(shown.User, v)
	return ""
}
