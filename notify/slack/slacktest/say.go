package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Channel is a channel as it is set up.
type Channel struct {
	ID, Name string
	Private  bool
	Archived bool
	Member   bool // the bot is in it
	Shared   bool // with another workspace
}

type channel struct {
	Channel
	messages []*Message // ascending ts
}

// Message is one message of a channel, a thread's replies included.
type Message struct {
	Channel, TS, ThreadTS string
	User, BotID, AppID    string
	Subtype, Text         string
	// Team, UserTeam and SourceTeam say where the author is from; filled in from the author's record when empty.
	Team, UserTeam, SourceTeam string

	Edited     bool
	Workflow   bool // sent by a workflow
	BotProfile bool
	Broadcast  bool // a reply also sent to the channel
	Deleted    bool

	Blocks   []map[string]any
	Metadata json.RawMessage
	Files    []File

	Reactions []Reaction

	// How it was sent: parse, link_names, mrkdwn, unfurl_links, unfurl_media.
	Sent map[string]string
	// Versions are the texts before each edit.
	Versions []string
	// Extra fields go into the message's JSON as they are, over all others.
	Extra map[string]any
}

// AddChannel adds a channel; one that exists keeps its messages.
func (s *Server) AddChannel(c Channel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.channels[c.ID]; old != nil {
		old.Channel = c
		return
	}
	s.channels[c.ID] = &channel{Channel: c}
}

// ChangeChannel changes a channel: archives it, invites the bot or throws it out, shares it.
func (s *Server) ChangeChannel(id string, change func(*Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&mustChannel(s, id).Channel)
}

func mustChannel(s *Server, id string) *channel {
	c := s.channels[id]
	if c == nil {
		panic("slacktest: no channel " + id)
	}
	return c
}

// Say posts a message as a person and returns its ts.
func (s *Server) Say(user, channel, text string) string {
	return s.Post(Message{Channel: channel, User: user, Text: text})
}

// Reply posts a reply in a thread as a person and returns its ts.
func (s *Server) Reply(user, channel, thread, text string) string {
	return s.Post(Message{Channel: channel, User: user, ThreadTS: thread, Text: text})
}

// Post posts any message: of a bot, with an app's id, edited, by a workflow, with a subtype. It returns the ts, which
// may be given to write into the past.
func (s *Server) Post(m Message) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	c := mustChannel(s, m.Channel)
	if m.ThreadTS != "" && c.find(m.ThreadTS) == nil {
		panic("slacktest: no message " + m.ThreadTS + " to reply to in " + m.Channel)
	}
	return s.store(c, m)
}

// store adds a message. The lock is held.
func (s *Server) store(c *channel, m Message) string {
	if m.TS == "" {
		m.TS = s.nextTS()
	}
	m.Channel = c.ID
	if m.Broadcast && m.Subtype == "" {
		m.Subtype = "thread_broadcast"
	}
	if u := s.users[m.User]; u != nil {
		if m.Team == "" {
			m.Team = u.TeamID
		}
		if u.TeamID != s.opts.TeamID && m.UserTeam == "" && m.SourceTeam == "" {
			m.UserTeam, m.SourceTeam = u.TeamID, u.TeamID
		}
	}
	c.messages = append(c.messages, &m)
	slices.SortStableFunc(c.messages, func(a, b *Message) int { return strings.Compare(a.TS, b.TS) })
	event := api{s}.messageJSON(&m, false)
	event["event_ts"] = m.TS
	s.Live.said(c, event)
	return m.TS
}

// nextTS makes a ts that no message had before.
func (s *Server) nextTS() string {
	s.lastTS = max(s.lastTS+1, s.opts.Now().UnixMicro())
	return FormatTS(time.UnixMicro(s.lastTS))
}

// FormatTS writes a time as the ts of a message.
func FormatTS(t time.Time) string {
	us := t.UnixMicro()
	return fmt.Sprintf("%010d.%06d", us/1e6, us%1e6)
}

// Edit changes a message as its author would.
func (s *Server) Edit(channel, ts, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	m := mustMessage(s, channel, ts)
	before := api{s}.messageJSON(m, false)
	m.Versions = append(m.Versions, m.Text)
	m.Text, m.Edited = text, true
	s.Live.edited(m, before)
}

// Delete deletes a message. One with replies leaves a tombstone, as in Slack.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.tell()
	s.delete(mustMessage(s, channel, ts))
}

func (s *Server) delete(m *Message) {
	ts := s.nextTS()
	s.Live.said(s.channels[m.Channel], map[string]any{
		"subtype": "message_deleted", "hidden": true, "ts": ts, "event_ts": ts, "deleted_ts": m.TS, "previous_message": api{s}.messageJSON(m, false),
	})
	if len(s.channels[m.Channel].replies(m.TS)) > 0 {
		m.Subtype, m.User, m.BotID, m.Text, m.Blocks, m.Metadata, m.Files = "tombstone", "USLACKBOT", "",
			"This message was deleted.", nil, nil, nil
		return
	}
	m.Deleted = true
}

func mustMessage(s *Server, channel, ts string) *Message {
	m := mustChannel(s, channel).find(ts)
	if m == nil {
		panic("slacktest: no message " + ts + " in " + channel)
	}
	return m
}

func (c *channel) find(ts string) *Message {
	for _, m := range c.messages {
		if m.TS == ts && !m.Deleted {
			return m
		}
	}
	return nil
}

// replies are a thread's living replies in ascending order.
func (c *channel) replies(thread string) []*Message {
	var out []*Message
	for _, m := range c.messages {
		if m.ThreadTS == thread && m.TS != thread && !m.Deleted {
			out = append(out, m)
		}
	}
	return out
}
