package agent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/config"
	"sallyport/notify/slack"
	"sallyport/store"
)

// An overview is the one message of a commit that touches several stacks of a channel: a line for each, edited as they move, and
// the prompts below it in the order in which the stacks depend on each other. It is posted together with the first prompt, so
// that a commit of which nothing needs anybody says nothing, and not for one stack, whose card says it all.
type overview struct {
	Repository string      `json:"repository"`
	Commit     string      `json:"commit"`
	Channel    string      `json:"channel"` // as the configuration names it
	Runs       []int       `json:"runs"`
	Posted     *store.Card `json:"posted,omitempty"`
}

const (
	overviewsSetting = "overviews"
	maxOverviews     = 20 // kept; older ones are not edited any more
	maxOverviewLines = 40
)

func (o *overview) key() string {
	return fmt.Sprintf("commit/%s/%s/%s", o.Repository, o.Commit, o.Channel)
}

// overviews reads all that are kept, oldest first, and the one of a key; nil if there is none.
func overviews(tx *store.Tx, key string) ([]*overview, *overview, error) {
	var all []*overview
	if _, err := tx.Setting(overviewsSetting, &all); err != nil {
		return nil, nil, err
	}
	for _, o := range all {
		if o.key() == key {
			return all, o, nil
		}
	}
	return all, nil, nil
}

// beginOverviews gives the commit runs that were just made together one message for each channel with several of them.
func (a *triggers) beginOverviews(tx *store.Tx, w *world, r *config.Repository, head string, findings []*finding) error {
	if w.cfg.Slack == nil {
		return nil // the log is read in its own order
	}
	fresh := map[string][]*store.Run{}
	for _, f := range findings {
		st, err := tx.Stack(f.stack.Name)
		if err != nil {
			return err
		}
		if st.OpenRun == 0 {
			continue
		}
		run, err := tx.Run(st.OpenRun)
		if err != nil {
			return err
		}
		if run.Kind == store.KindCommit && run.Status == store.Pending && run.Commit == head && run.Batch == 0 && run.Overview == "" {
			channel := channelOf(w.cfg, f.stack)
			fresh[channel] = append(fresh[channel], run)
		}
	}
	for channel, runs := range fresh {
		o := &overview{Repository: r.Name, Commit: head, Channel: channel}
		all, have, err := overviews(tx, o.key())
		if err != nil {
			return err
		}
		switch {
		case have != nil:
			o = have
		case len(runs) < 2:
			continue
		default:
			all = append(all, o)
		}
		if err := join(tx, all, o, runs...); err != nil {
			return err
		}
	}
	return nil
}

// join puts runs into an overview.
func join(tx *store.Tx, all []*overview, o *overview, runs ...*store.Run) error {
	for _, run := range runs {
		o.Runs = append(o.Runs, run.ID)
		if _, err := tx.ChangeRun(run.ID, func(r *store.Run) error { r.Overview = o.key(); return nil }); err != nil {
			return err
		}
	}
	return tx.PutSetting(overviewsSetting, all[max(0, len(all)-maxOverviews):])
}

// joinOverview puts a dependency run below the message of the commit that changed its upstreams.
func (a *ledger) joinOverview(tx *store.Tx, w *world, s *config.Stack, changed map[string]int) error {
	st, err := tx.Stack(s.Name)
	if err != nil || st.OpenRun == 0 {
		return err
	}
	run, err := tx.Run(st.OpenRun)
	if err != nil || run.Kind != store.KindDependency || run.Overview != "" {
		return err
	}
	for _, id := range changed {
		cause, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		all, o, err := overviews(tx, cause.Overview)
		if err != nil {
			return err
		}
		if o != nil && o.Channel == channelOf(w.cfg, s) {
			if err := join(tx, all, o, run); err != nil {
				return err
			}
			run.Overview = o.key()
			return a.tellOverview(tx, run)
		}
	}
	return nil
}

// tellOverview has the message about a run's commit posted before the run's own prompt, or edited.
func (a *ledger) tellOverview(tx *store.Tx, run *store.Run) error {
	if run.Overview == "" || a.cfg().Slack == nil {
		return nil
	}
	_, o, err := overviews(tx, run.Overview)
	if err != nil || o == nil {
		return err
	}
	if o.Posted == nil {
		asks := run.Status == store.Planned || run.Status == store.Errored || run.Status == store.Interrupted
		several, err := o.several(tx)
		if err != nil || !asks || !several {
			return err
		}
	}
	return tx.Enqueue(store.Message{Kind: store.MessageOverview, Key: o.key(), Channel: o.Channel})
}

// several reports whether more than one stack has, or may come to have, something to say.
func (o *overview) several(tx *store.Tx) (bool, error) {
	n := 0
	for _, id := range o.Runs {
		run, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if run.Status != store.NoChanges && run.Status != store.Superseded {
			n++
		}
	}
	return n > 1, nil
}

// overviewText is what an overview says now.
func (a *outbox) overviewText(tx *store.Tx, w *world, o *overview) (string, error) {
	newest := map[string]*store.Run{}
	var names []string
	var any *store.Run
	for _, id := range o.Runs {
		run, err := tx.Run(id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if any == nil {
			any = run
		}
		if newest[run.Stack] == nil {
			names = append(names, run.Stack)
		}
		newest[run.Stack] = run
	}
	if any == nil {
		return "", nil
	}
	lines := []string{fmt.Sprintf("Commit %s by %s concerns %d stacks: %s", short(o.Commit), any.Author, len(names), any.Subject)}
	for i, name := range inOrder(w, names) {
		if i == maxOverviewLines {
			lines = append(lines, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		lines = append(lines, "• "+a.card(w, newest[name]).Line())
	}
	return a.redact(strings.Join(lines, "\n")), nil
}

// inOrder sorts stacks by name, and each below those that it depends on.
func inOrder(w *world, names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	var out []string
	visited := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if visited[name] {
			return
		}
		visited[name] = true
		if s := w.stack(name); s != nil {
			for _, up := range s.DependsOn {
				visit(up) // also of those that the commit leaves alone: what is above them comes first
			}
		}
		if slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	for _, name := range names {
		visit(name)
	}
	return out
}

// sendOverview posts or edits the message about a commit.
func (s *sender) sendOverview(ctx context.Context, unknown bool, oldest string) (func(*store.Tx) error, error) {
	a, w, key := s.agent, s.world, s.message.Key
	var o *overview
	var text string
	err := a.store.View(func(tx *store.Tx) (err error) {
		if _, o, err = overviews(tx, key); err != nil || o == nil {
			return err
		}
		text, err = a.overviewText(tx, w, o)
		return err
	})
	if err != nil || text == "" {
		return nil, err
	}
	post := slack.Post{Text: text, Key: key, Agent: a.id}
	if o.Posted != nil {
		s.wrote = true
		err := w.slack.UpdateText(ctx, o.Posted.Channel, o.Posted.TS, post)
		if uneditable(err) {
			return nil, nil // somebody deleted it; the cards say it all
		}
		return a.overviewSaid(w, key, text, nil), err
	}
	if post.Channel, err = w.desk.channel(ctx, o.Channel); err != nil {
		return nil, err
	}
	var ts string
	found := false
	if unknown {
		if ts, found, err = w.slack.FindText(ctx, post.Channel, "", key, a.id, oldest); err != nil {
			return nil, err
		}
	}
	if !found {
		s.wrote = true
		if ts, err = w.slack.PostText(ctx, post); err != nil {
			return nil, err
		}
	} else {
		text = "" // what it says is not known
	}
	return a.overviewSaid(w, key, text, &store.Card{Channel: post.Channel, TS: ts}), nil
}

// overviewSaid records where the message is, and has it edited if there is something newer to say by now.
func (a *outbox) overviewSaid(w *world, key, text string, posted *store.Card) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		all, o, err := overviews(tx, key)
		if err != nil || o == nil {
			return err
		}
		if posted != nil {
			o.Posted = posted
			if err := tx.PutSetting(overviewsSetting, all); err != nil {
				return err
			}
		}
		now, err := a.overviewText(tx, w, o)
		if err != nil || now == text {
			return err
		}
		return tx.Enqueue(store.Message{Kind: store.MessageOverview, Key: key, Channel: o.Channel})
	}
}

// uneditable reports that a message cannot be edited any more.
func uneditable(err error) bool {
	var refused *slack.Error
	return errors.As(err, &refused) &&
		(refused.Code == "message_not_found" || refused.Code == "cant_update_message" || refused.Code == "edit_window_closed")
}
