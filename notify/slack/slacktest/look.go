package slacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sallyport/notify/slack/slacktest/blockkit"
	"sallyport/notify/slack/slacktest/link"
)

// Messages are a channel's messages in ascending order, without replies that were not also sent to the channel.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range mustChannel(s, channel).messages {
		if !m.Deleted && (m.ThreadTS == "" || m.ThreadTS == m.TS || m.Subtype == "thread_broadcast") {
			out = append(out, m.copy())
		}
	}
	return out
}

// Thread are a message's replies in ascending order.
func (s *Server) Thread(channel, ts string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range mustChannel(s, channel).replies(ts) {
		out = append(out, m.copy())
	}
	return out
}

// Message is one message; ok is false if it is not there (any more).
func (s *Server) Message(channel, ts string) (m Message, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := mustChannel(s, channel).find(ts)
	if found == nil {
		return Message{}, false
	}
	return found.copy(), true
}

func (m *Message) copy() Message {
	out := *m
	out.Blocks, out.Files, out.Versions = slices.Clone(m.Blocks), slices.Clone(m.Files), slices.Clone(m.Versions)
	return out
}

// Calls is how many requests of a method were made, failed ones included; an empty method counts all.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if method == "" || c.Method == method {
			n++
		}
	}
	return n
}

// Requests are the requests of a method in the order in which they came; an empty method gives all.
func (s *Server) Requests(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if method == "" || c.Method == method {
			out = append(out, Call{Method: c.Method, Params: maps.Clone(c.Params), Answer: c.Answer})
		}
	}
	return out
}

// WaitMessage blocks until a channel has a message that a condition likes, and returns the first such message.
func (s *Server) WaitMessage(ctx context.Context, channel string, like func(Message) bool) (Message, error) {
	return waitOne(s, ctx, func() []Message { return s.Messages(channel) }, like)
}

// WaitReply blocks until a thread has a reply that a condition likes, and returns the first such reply.
func (s *Server) WaitReply(ctx context.Context, channel, thread string, like func(Message) bool) (Message, error) {
	return waitOne(s, ctx, func() []Message { return s.Thread(channel, thread) }, like)
}

func waitOne[T any](s *Server, ctx context.Context, list func() []T, like func(T) bool) (found T, err error) {
	err = s.WaitFor(ctx, func() bool {
		for _, m := range list() {
			if like(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// Transcript is everything that was said, for people who look at a failed test.
func (s *Server) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id := range s.channels {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var b strings.Builder
	for _, id := range ids {
		c := s.channels[id]
		fmt.Fprintf(&b, "#%s (%s)\n", c.Name, id)
		for _, m := range c.messages {
			if m.Deleted || m.ThreadTS != "" && m.ThreadTS != m.TS {
				continue
			}
			b.WriteString(transcriptLine(s, m, "  "))
			for _, r := range c.replies(m.TS) {
				b.WriteString(transcriptLine(s, r, "      "))
			}
		}
	}
	return b.String()
}

func transcriptLine(s *Server, m *Message, indent string) string {
	who := m.User
	if u := s.users[m.User]; u != nil {
		who = u.Name
	}
	var flags []string
	for flag, on := range map[string]bool{
		m.Subtype: m.Subtype != "", "edited": m.Edited, "bot " + m.BotID: m.BotID != "" && m.BotID != s.opts.BotID,
	} {
		if on {
			flags = append(flags, flag)
		}
	}
	slices.Sort(flags)
	text := indent + m.TS + " " + who
	if len(flags) > 0 {
		text += " (" + strings.Join(flags, ", ") + ")"
	}
	body := m.Visible()
	for _, f := range m.Files {
		body += fmt.Sprintf("\n[file %s, %d bytes]", f.Name, len(f.Content))
	}
	return text + ": " + strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n"+indent+"    ") + "\n"
}

// Run is the metadata of a run's message; ok is false for any other message.
func (m Message) Run() (run int, stack, digest, agent string, ok bool) {
	var meta struct {
		EventType string `json:"event_type"`
		Payload   struct {
			Run    int    `json:"run"`
			Stack  string `json:"stack"`
			Digest string `json:"digest"`
			Agent  string `json:"agent"`
		} `json:"event_payload"`
	}
	if json.Unmarshal(m.Metadata, &meta) != nil || meta.EventType != "sallyport_run" {
		return 0, "", "", "", false
	}
	p := meta.Payload
	return p.Run, p.Stack, p.Digest, p.Agent, true
}

// Visible is what a person sees of a message in the channel: its blocks, or its text if it has none; times in UTC.
func (m Message) Visible() string {
	if len(m.Blocks) == 0 {
		return blockkit.Unescape(m.Text)
	}
	return blockkit.Visible(m.Blocks)
}

// Active lists everything in a message that mentions somebody or links somewhere when Slack shows it, as it stands in the message.
// A message that was sent so that Slack looks for more by itself lists that, too.
func (m Message) Active() []string {
	out := blockkit.Markup(m.Text)
	if p := m.Sent["parse"]; p != "none" && m.BotID != "" {
		out = append(out, "parse="+p)
	}
	if link.IsTrue(m.Sent["link_names"]) {
		out = append(out, "link_names")
	}
	return append(out, blockkit.Active(m.Blocks)...)
}
