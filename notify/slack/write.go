package slack

import (
	"context"
	"errors"
	"slices"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify"
	"sallyport/notify/redact"
)

// The event types of the metadata by which our messages are found again.
const (
	EventRun  = "sallyport_run"  // of a run's card: run, stack, digest, agent, state, epoch, history; see [Mark]
	EventNote = "sallyport_note" // of everything else: key, agent, run
)

// PostCard posts a run's message. Where Slack finds it too long, a smaller one is posted.
func (c *Client) PostCard(ctx context.Context, channel string, card notify.Card) (ts string, err error) {
	card = card.Called(c.opts.Names.At)
	err = c.send(ctx, card, func(ctx context.Context, blocks []slackapi.Block) error {
		_, ts, err = c.api.PostMessageContext(ctx, channel, cardOptions(card, blocks)...)
		return err
	}, methodPost)
	if err == nil && ts == "" {
		return "", &Error{Method: methodPost, Unknown: true, Err: errors.New("the answer names no message")}
	}
	return ts, err
}

// UpdateCard edits a run's message to show what is true now. Doing it twice does no harm.
func (c *Client) UpdateCard(ctx context.Context, channel, ts string, card notify.Card) error {
	card = card.Called(c.opts.Names.At)
	return c.send(ctx, card, func(ctx context.Context, blocks []slackapi.Block) error {
		_, _, _, err := c.api.UpdateMessageContext(ctx, channel, ts, cardOptions(card, blocks)...)
		return err
	}, methodUpdate)
}

// send tries a card in its sizes, from whole to least, as long as Slack refuses its blocks. A refusal posts nothing.
func (c *Client) send(ctx context.Context, card notify.Card, f func(context.Context, []slackapi.Block) error, method string) error {
	var err error
	for _, size := range []size{whole, small, least} {
		blocks := cardBlocks(card, size)
		if _, err = c.call(ctx, method, func(ctx context.Context) error { return f(ctx, blocks) }); !tooLong(err) {
			return err
		}
		c.opts.Log.Warn("slack refuses a card's blocks", "run", card.Run, "stack", card.Stack, "size", size.String(), "err", err)
	}
	return err
}

func tooLong(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Code == codeTooLong || e.Code == codeInvalidBlocks || e.Code == "invalid_blocks_format" ||
		e.Code == "msg_too_long" || e.Code == "too_many_blocks")
}

func cardOptions(card notify.Card, blocks []slackapi.Block) []slackapi.MsgOption {
	return append(safeOptions(card.Text()),
		slackapi.MsgOptionBlocks(blocks...),
		slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: EventRun, EventPayload: map[string]any{
			"run": card.Run, "stack": metaText(card.Stack), "digest": metaText(card.PlanDigest()), "agent": metaText(card.Agent),
			"state": metaText(card.State), "epoch": metaText(card.Epoch), "history": history(card.HistorySeq, card.HistoryHash),
		}}))
}

// metaText keeps metadata below the size that Slack takes; nothing that long is ever made by us.
func metaText(s string) string {
	if s = redact.CleanLine(s); len(s) > 500 {
		return keyHash(s)
	}
	return s
}

// safeOptions are what every message is sent with. The text is what a lock screen shows; it is escaped, and Slack is told
// to make nothing of it: chat.update would parse by default. Mentions stand in the blocks only.
func safeOptions(text string) []slackapi.MsgOption {
	return []slackapi.MsgOption{
		slackapi.MsgOptionText(escapeCut(text, maxText), false), slackapi.MsgOptionParse(false), slackapi.MsgOptionLinkNames(false),
		slackapi.MsgOptionDisableLinkUnfurl(), slackapi.MsgOptionDisableMediaUnfurl(), slackapi.MsgOptionDisableMarkdown(),
	}
}

// textOptions are what a message of plain words is posted and edited with.
func textOptions(p Post) []slackapi.MsgOption {
	return append(safeOptions(redact.Clean(p.Text)),
		slackapi.MsgOptionBlocks(textBlocks(p)...),
		slackapi.MsgOptionMetadata(slackapi.SlackMetadata{EventType: EventNote, EventPayload: map[string]any{
			"key": metaText(p.Key), "agent": metaText(p.Agent), "run": p.Run,
		}}))
}

// UpdateText edits a message of plain words. Doing it twice does no harm.
func (c *Client) UpdateText(ctx context.Context, channel, ts string, p Post) error {
	p.Text = c.opts.Names.At(p.Text)
	_, err := c.call(ctx, methodUpdate, func(ctx context.Context) error {
		_, _, _, err := c.api.UpdateMessageContext(ctx, channel, ts, textOptions(p)...)
		return err
	})
	return err
}

// PostText posts plain words: into a thread, into a thread and the channel, or as a message of its own.
func (c *Client) PostText(ctx context.Context, p Post) (ts string, err error) {
	p.Text = c.opts.Names.At(p.Text)
	options := textOptions(p)
	if p.Thread != "" {
		options = append(options, slackapi.MsgOptionTS(p.Thread))
		if p.Broadcast {
			options = append(options, slackapi.MsgOptionBroadcast())
		}
	}
	_, err = c.call(ctx, methodPost, func(ctx context.Context) (err error) {
		_, ts, err = c.api.PostMessageContext(ctx, p.Channel, options...)
		return err
	})
	if err == nil && ts == "" {
		return "", &Error{Method: methodPost, Unknown: true, Err: errors.New("the answer names no message")}
	}
	return ts, err
}

// FindCard looks for a run's message that was posted at or after oldest. If an unknown outcome led to several, the
// first one counts.
func (c *Client) FindCard(ctx context.Context, channel string, run int, agent, oldest string) (ts string, ok bool, err error) {
	return c.find(ctx, channel, "", oldest, func(m Message) bool {
		if m.ThreadTS != "" && m.ThreadTS != m.TS {
			return false
		}
		if slices.Contains(m.BlockIDs, cardBlockID(run, agent)) {
			return true
		}
		if m.Metadata == nil || m.Metadata.EventType != EventRun {
			return false
		}
		n, isNumber := m.Metadata.Payload["run"].(float64)
		return isNumber && int(n) == run && m.Metadata.Payload["agent"] == metaText(agent)
	})
}

// FindText looks for a message of [Client.PostText] by its key, in a thread or, if that is empty, in the channel.
func (c *Client) FindText(ctx context.Context, channel, thread, key, agent, oldest string) (ts string, ok bool, err error) {
	return c.find(ctx, channel, thread, oldest, func(m Message) bool {
		if slices.Contains(m.BlockIDs, noteBlockID(key, agent)) {
			return true
		}
		return m.Metadata != nil && m.Metadata.EventType == EventNote &&
			m.Metadata.Payload["key"] == metaText(key) && m.Metadata.Payload["agent"] == metaText(agent)
	})
}

// find returns the first of our own messages that matches. Others can attach the same metadata, so the author counts.
func (c *Client) find(ctx context.Context, channel, thread, oldest string, match func(Message) bool) (string, bool, error) {
	m, ok, err := c.findMessage(ctx, channel, thread, oldest, match)
	return m.TS, ok, err
}

func (c *Client) findMessage(ctx context.Context, channel, thread, oldest string, match func(Message) bool) (Message, bool, error) {
	self, err := c.self(ctx)
	if err != nil {
		return Message{}, false, err
	}
	var messages []Message
	if thread != "" {
		messages, err = c.Replies(ctx, channel, thread, oldest)
	} else {
		messages, err = c.History(ctx, channel, oldest)
	}
	if err != nil {
		return Message{}, false, err
	}
	for _, m := range messages {
		if m.own(self) && match(m) {
			return m, true, nil
		}
	}
	return Message{}, false, nil
}
