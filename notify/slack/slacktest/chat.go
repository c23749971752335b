package slacktest

import (
	"encoding/json"
	"net/url"
	"strings"
	"unicode/utf8"

	"sallyport/notify/slack/slacktest/link"
)

// Slack's limits of a message, in characters.
const (
	maxPostText   = 40000
	maxUpdateText = 4000
	maxMetadata   = 8000
)

func (s api) postMessage(p url.Values) result {
	if r := s.need("chat:write"); r != nil {
		return r
	}
	c, r := s.writable(p)
	if r != nil {
		return r
	}
	m := Message{
		Channel: c.ID, User: s.opts.BotUserID, BotID: s.opts.BotID, AppID: s.opts.AppID, Team: s.opts.TeamID,
		ThreadTS: p.Get("thread_ts"), Broadcast: link.IsTrue(p.Get("reply_broadcast")),
	}
	if r := s.fill(&m, p, maxPostText); r != nil {
		return r
	}
	if m.ThreadTS != "" && c.find(m.ThreadTS) == nil {
		return failure("thread_not_found")
	}
	if m.ThreadTS == "" && m.Broadcast {
		return invalid("reply_broadcast without thread_ts")
	}
	ts := s.store(c, m)
	return result{"channel": c.ID, "ts": ts, "message": s.messageJSON(c.find(ts), true)}
}

func (s api) updateMessage(p url.Values) result {
	if r := s.need("chat:write"); r != nil {
		return r
	}
	c, r := s.writable(p)
	if r != nil {
		return r
	}
	if p.Get("ts") == "" {
		return invalid("missing required field: ts")
	}
	m := c.find(p.Get("ts"))
	if m == nil {
		return failure("message_not_found")
	}
	if m.BotID != s.opts.BotID {
		return failure("cant_update_message")
	}
	next := *m
	if r := s.fill(&next, p, maxUpdateText); r != nil {
		return r
	}
	next.Versions = append(next.Versions, m.Text)
	next.Edited = true
	before := s.messageJSON(m, false)
	*m = next
	s.Live.edited(m, before)
	return result{"channel": c.ID, "ts": m.TS, "text": m.Text, "message": s.messageJSON(m, true)}
}

func (s api) deleteMessage(p url.Values) result {
	if r := s.need("chat:write"); r != nil {
		return r
	}
	c, r := s.writable(p)
	if r != nil {
		return r
	}
	m := c.find(p.Get("ts"))
	if m == nil {
		return failure("message_not_found")
	}
	if m.BotID != s.opts.BotID {
		return failure("cant_delete_message")
	}
	s.delete(m)
	return result{"channel": c.ID, "ts": m.TS}
}

func (s api) permalink(p url.Values) result {
	c := s.channels[p.Get("channel")]
	if c == nil || c.Private && !c.Member {
		return failure("channel_not_found")
	}
	m := c.find(p.Get("message_ts"))
	if m == nil {
		return failure("message_not_found")
	}
	link := "https://" + s.opts.Team + ".slack.com/archives/" + c.ID + "/p" + strings.ReplaceAll(m.TS, ".", "")
	return result{"channel": c.ID, "permalink": link}
}

// writable finds a channel that the bot may write to.
func (s api) writable(p url.Values) (*channel, result) {
	id := p.Get("channel")
	if id == "" {
		return nil, invalid("missing required field: channel")
	}
	c := s.channels[id]
	switch {
	case c == nil, c.Private && !c.Member:
		return nil, failure("channel_not_found")
	case !c.Member:
		return nil, failure("not_in_channel")
	case c.Archived:
		return nil, failure("is_archived")
	}
	return c, nil
}

// fill checks what a message says and takes it over.
func (s api) fill(m *Message, p url.Values, maxText int) result {
	text := p.Get("text")
	if utf8.RuneCountInString(text) > maxText {
		return failure("msg_too_long")
	}
	if raw := p.Get("blocks"); raw != "" {
		blocks, r := s.checkBlocks(raw)
		if r != nil {
			return r
		}
		m.Blocks = blocks
	}
	if text == "" && len(m.Blocks) == 0 {
		return failure("no_text")
	}
	m.Text = text
	if raw := p.Get("metadata"); raw != "" {
		var metadata struct {
			EventType    string         `json:"event_type"`
			EventPayload map[string]any `json:"event_payload"`
		}
		if err := json.Unmarshal([]byte(raw), &metadata); err != nil || metadata.EventType == "" || metadata.EventPayload == nil {
			return failure("invalid_metadata_format")
		}
		if len(raw) > maxMetadata {
			return failure("metadata_too_large")
		}
		m.Metadata = json.RawMessage(raw)
	}
	m.Sent = map[string]string{}
	for _, key := range []string{"parse", "link_names", "mrkdwn", "unfurl_links", "unfurl_media"} {
		if v := p.Get(key); v != "" {
			m.Sent[key] = v
		}
	}
	return nil
}
