package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

const maxOverviewLines = 40

// overviewText is what an overview says now.
func (ob *Outbox) overviewText(tx *store.Tx, conf *active.Config, o *announce.Overview) (string, error) {
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
	lines := []string{fmt.Sprintf("Commit %s by %s concerns %s: %s", words.Short(o.Commit), any.Author, words.Count(len(names), "stack"), any.Subject)}
	if o.Drift() {
		lines[0] = announce.DriftsHead(len(names))
	}
	for i, name := range inOrder(conf, names) {
		if i == maxOverviewLines {
			lines = append(lines, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		card := ob.Card(conf, newest[name])
		card.Bot = conf.Directory.Bot()
		lines = append(lines, "• "+card.Line())
	}
	if next := nextDrift(newest, names); o.Drift() && next != nil {
		lines = append(lines, verbs.InSlack(announce.DriftsNext(next), conf.Directory.Bot())+fmt.Sprintf(" In a shell: sallyport show %d --plan, sallyport approve %d.", next.ID, next.ID))
	}
	return ob.health.Redact(strings.Join(lines, "\n")), nil
}

// nextDrift is the first of the runs about which nobody can decide in Slack yet; nil if there is none.
func nextDrift(newest map[string]*store.Run, names []string) *store.Run {
	for _, name := range slices.Sorted(slices.Values(names)) {
		if announce.Alone(newest[name]) {
			return newest[name]
		}
	}
	return nil
}

// inOrder sorts stacks by name, and each below those that it depends on.
func inOrder(conf *active.Config, names []string) []string {
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
		if s := conf.Stack(name); s != nil {
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
	a, conf, key := s.outbox, s.world, s.message.Key
	var o *announce.Overview
	var text string
	err := a.store.View(func(tx *store.Tx) (err error) {
		if _, o, err = announce.Overviews(tx, key); err != nil || o == nil {
			return err
		}
		text, err = a.overviewText(tx, conf, o)
		return err
	})
	if err != nil || text == "" {
		return nil, err
	}
	post := slack.Post{Text: text, Key: key, Agent: a.id}
	if o.Posted != nil {
		s.wrote = true
		err := conf.Slack.UpdateText(ctx, o.Posted.Channel, o.Posted.TS, post)
		if uneditable(err) {
			return nil, nil // somebody deleted it; the cards say it all
		}
		return a.overviewSaid(conf, key, text, nil), err
	}
	if post.Channel, err = conf.Directory.Channel(ctx, o.Channel); err != nil {
		return nil, err
	}
	if o.Drift() {
		post.Mention = s.everybody()
	}
	var ts string
	found := false
	if unknown {
		if ts, found, err = conf.Slack.FindText(ctx, post.Channel, "", key, a.id, oldest); err != nil {
			return nil, err
		}
	}
	if !found {
		s.wrote = true
		if ts, err = conf.Slack.PostText(ctx, post); err != nil {
			return nil, err
		}
	} else {
		text = "" // what it says is not known
	}
	return a.overviewSaid(conf, key, text, &store.Card{Channel: post.Channel, TS: ts}), nil
}

// overviewSaid records where the message is, and has it edited if there is something newer to say by now.
func (ob *Outbox) overviewSaid(conf *active.Config, key, text string, posted *store.Card) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		all, o, err := announce.Overviews(tx, key)
		if err != nil || o == nil {
			return err
		}
		if posted != nil {
			o.Posted = posted
			if err := announce.OverviewsSetting.Put(tx, all); err != nil {
				return err
			}
		}
		now, err := ob.overviewText(tx, conf, o)
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
