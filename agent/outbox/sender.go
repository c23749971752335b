package outbox

import (
	"context"
	"fmt"
	"slices"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/config"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/store"
)

// sender delivers one message to Slack.
type sender struct {
	outbox  *Outbox
	world   *active.Config
	message *store.Message
	run     *store.Run
	wrote   bool // the request that writes was made; before that nothing can have been posted
	// cardless: the run has no message and will not get one soon, so what there is to say goes to the channel.
	cardless bool
}

// cardGone reports that the run's message cannot be edited any more.
func (s *sender) cardGone(err error) bool {
	return s.message.Kind == store.MessageCard && s.run != nil && s.run.Card != nil && uneditable(err)
}

// endedQuietly reports whether a run has ended so that nobody is told who did not hear of it before. Of one without changes people
// hear if checks fail.
func endedQuietly(run *store.Run) bool {
	return run.Status == store.NoChanges && !run.Plan.ChecksFail() || run.Status == store.Superseded
}

// needless: the run is gone, or the message has become pointless.
func (s *sender) needless() bool {
	m := s.message
	if m.Kind == store.MessageNote || m.Kind == store.MessageOverview {
		return false
	}
	if s.run == nil {
		return true
	}
	if s.run.Card == nil && endedQuietly(s.run) && !m.Sending {
		return true // ended quietly before anything was said
	}
	return m.Kind == store.MessageFile && s.run.Status.Terminal() && s.run.Card == nil
}

// send delivers, looking for the message first if an earlier try may have got through. The function that it returns
// records where the message is, in the transaction that drops it from the outbox.
func (s *sender) send(ctx context.Context, unknown bool) (func(*store.Tx) error, error) {
	oldest := s.outbox.searchFrom(s.message)
	switch s.message.Kind {
	case store.MessageCard:
		return s.sendCard(ctx, unknown, oldest)
	case store.MessageOverview:
		return s.sendOverview(ctx, unknown, oldest)
	case store.MessageFile:
		return s.sendFile(ctx, unknown)
	default:
		return s.sendText(ctx, unknown, oldest)
	}
}

func (s *sender) sendCard(ctx context.Context, unknown bool, oldest string) (func(*store.Tx) error, error) {
	a, conf := s.outbox, s.world
	card := a.Card(conf, s.run)
	if err := a.sign(conf, s.run, &card); err != nil {
		return nil, err
	}
	card.Bot, card.Buttons = conf.Directory.Bot(), !conf.Cfg.Slack.AppToken.IsZero()
	if s.run.Card != nil {
		s.wrote = true
		return nil, conf.Slack.UpdateCard(ctx, s.run.Card.Channel, s.run.Card.TS, card)
	}
	channel, err := conf.Directory.Channel(ctx, active.ChannelOf(conf.Cfg, conf.Stack(s.run.Stack)))
	if err != nil {
		return nil, err
	}
	var ts string
	found := false
	if unknown {
		if ts, found, err = conf.Slack.FindCard(ctx, channel, s.run.ID, a.id, oldest); err != nil {
			return nil, err
		}
	}
	if !found && endedQuietly(s.run) {
		return nil, nil // it was never posted, and there is nothing to say any more
	}
	if !found {
		s.wrote = true
		if ts, err = conf.Slack.PostCard(ctx, channel, card); err != nil {
			return nil, err
		}
	}
	link, _ := conf.Slack.Permalink(ctx, channel, ts) // a link is a comfort; without it everything works
	run := s.run.ID
	status := s.run.Status
	return func(tx *store.Tx) error {
		now, err := tx.ChangeRun(run, func(r *store.Run) error {
			r.Card = &store.Card{Channel: channel, TS: ts, Permalink: link}
			return nil
		})
		if err != nil {
			return err
		}
		if err := tx.PutThread(&store.Thread{Run: run, Channel: channel, TS: ts}); err != nil {
			return err
		}
		if err := a.ledger.Publish(tx, now); err != nil { // with the way to this message
			return err
		}
		if now.Status != status || found {
			return tx.Enqueue(store.Message{Kind: store.MessageCard, Run: run, Key: announce.CardKey(run)})
		}
		return nil
	}, nil
}

func (s *sender) sendText(ctx context.Context, unknown bool, oldest string) (func(*store.Tx) error, error) {
	a, m := s.outbox, s.message
	post := slack.Post{Text: m.Text, Key: m.Key, Agent: a.id, Run: m.Run, Links: m.Links, Broadcast: m.Kind == store.MessageLoud}
	cardless := s.cardless && s.run != nil && s.run.Card == nil
	if m.Kind == store.MessageNote || cardless {
		channel := m.Channel
		switch {
		case channel == "" && cardless:
			channel = active.ChannelOf(s.world.Cfg, s.stackOf())
		case channel == "":
			channel = s.world.Cfg.Slack.Channel
		}
		resolved, err := s.world.Directory.Channel(ctx, channel)
		if err != nil {
			return nil, err
		}
		post.Channel, post.Thread = resolved, m.Thread
	} else {
		if s.run.Card == nil {
			return nil, nil // the card shows it all, and was never needed
		}
		post.Channel, post.Thread = s.run.Card.Channel, s.run.Card.TS
	}
	if st := s.stackOf(); m.Mention && st != nil {
		post.Mention = st.Mention
	} else if m.Mention && m.Kind == store.MessageNote {
		post.Mention = s.everybody()
	}
	if post.Thread != "" {
		oldest = post.Thread
	}
	if st := s.stackOf(); st == nil || st.PlanInSlack != "none" { // else the bot does not tell what a shell does
		post.Text = verbs.InSlack(post.Text, s.world.Directory.Bot())
	}
	if unknown {
		ts, found, err := s.world.Slack.FindText(ctx, post.Channel, post.Thread, post.Key, a.id, oldest)
		if err != nil || found {
			return s.toldAnew(ts), err
		}
	}
	s.wrote = true
	if m.To != "" && post.Thread != "" {
		// Nobody else has to read it. It cannot be looked for, so after a crash that person may read it twice.
		if err := s.world.Slack.PostPrivately(ctx, post, m.To); !slack.Refused(err) {
			return nil, err
		}
	}
	ts, err := s.world.Slack.PostText(ctx, post)
	return s.toldAnew(ts), err
}

// toldAnew records the reply from which on a thread that the run took over is about this run.
func (s *sender) toldAnew(ts string) func(*store.Tx) error {
	m := s.message
	if s.run == nil || m.Key != fmt.Sprintf("run/%d/%s", s.run.ID, announce.RenewedKey) {
		return nil
	}
	return func(tx *store.Tx) error {
		_, err := tx.ChangeRun(s.run.ID, func(r *store.Run) error {
			if r.Card != nil && r.Card.Renewed {
				r.Card.Since = ts
			}
			return nil
		})
		return err
	}
}

// everybody is who is named when a person is needed for any stack.
func (s *sender) everybody() []string {
	var all []string
	for _, st := range s.world.AllStacks() {
		for _, id := range st.Mention {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	return all
}

// stackOf is the stack of the message's run; nil if there is none.
func (s *sender) stackOf() *config.Stack {
	if s.run == nil {
		return nil
	}
	return s.world.Stack(s.run.Stack)
}
