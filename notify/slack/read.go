package slack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/redact"
)

const (
	// pageSize is what is asked for; Slack may give less (15 for some apps), the cursor counts.
	pageSize = 200
	// maxPages bounds a reading: a channel of 20,000 messages since the oldest open run is not one for approvals.
	maxPages = 100
)

// unreadable stands for the subtype of a message that is not shaped like one. It can never count.
const unreadable = "unreadable"

// History reads a channel's messages from oldest on, that one included, in ascending order. Replies in threads are not among
// them unless they were also sent to the channel. An empty oldest means the whole channel.
func (c *Client) History(ctx context.Context, channel, oldest string) ([]Message, error) {
	return c.pages(ctx, methodHistory, channel, func(ctx context.Context, cursor string) error {
		_, err := c.api.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{
			ChannelID: channel, Oldest: oldest, Inclusive: true, Limit: pageSize, Cursor: cursor, IncludeAllMetadata: true,
		})
		return err
	})
}

// Latest reads a channel's newest message; ok is false if there is none.
func (c *Client) Latest(ctx context.Context, channel string) (m Message, ok bool, err error) {
	x, err := c.call(ctx, methodHistory, func(ctx context.Context) error {
		_, err := c.api.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{
			ChannelID: channel, Limit: 1, IncludeAllMetadata: true,
		})
		return err
	})
	if err != nil {
		return Message{}, false, err
	}
	p, err := pageOf(methodHistory, x.Body)
	if err != nil || len(p.Messages) == 0 {
		return Message{}, false, err
	}
	return messageOf(channel, p.Messages[0]), true, nil
}

// Replies reads a thread's replies from oldest on, that one included, in ascending order and without the parent.
func (c *Client) Replies(ctx context.Context, channel, thread, oldest string) ([]Message, error) {
	messages, err := c.pages(ctx, methodReplies, channel, func(ctx context.Context, cursor string) error {
		_, _, _, err := c.api.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{
			ChannelID: channel, Timestamp: thread, Oldest: oldest, Inclusive: true, Limit: pageSize, Cursor: cursor,
			IncludeAllMetadata: true,
		})
		return err
	})
	// The first page has the parent, and it does not matter how old it is.
	return slices.DeleteFunc(messages, func(m Message) bool {
		return CompareTS(m.TS, thread) == 0 || oldest != "" && CompareTS(m.TS, oldest) < 0
	}), err
}

type page struct {
	Messages []json.RawMessage `json:"messages"`
	HasMore  bool              `json:"has_more"`
	Metadata struct {
		NextCursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

func pageOf(method string, body []byte) (page, error) {
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return page{}, &Error{Method: method, Err: fmt.Errorf("reading the answer: %w", err)}
	}
	return p, nil
}

// pages follows cursors to the end.
func (c *Client) pages(ctx context.Context, method, channel string, get func(context.Context, string) error) ([]Message, error) {
	var messages []Message
	cursor, seen := "", map[string]bool{}
	for range maxPages {
		x, err := c.call(ctx, method, func(ctx context.Context) error { return get(ctx, cursor) })
		if err != nil {
			return nil, err
		}
		p, err := pageOf(method, x.Body)
		if err != nil {
			return nil, err
		}
		for _, raw := range p.Messages {
			if m := messageOf(channel, raw); m.TS != "" && !seen[m.TS] {
				seen[m.TS] = true
				messages = append(messages, m)
			}
		}
		next := p.Metadata.NextCursor
		if next == "" && p.HasMore || next != "" && next == cursor {
			return nil, &Error{Method: method, Err: errors.New("the answer says that there is more, and not where")}
		}
		if next == "" {
			slices.SortStableFunc(messages, func(a, b Message) int { return CompareTS(a.TS, b.TS) })
			return messages, nil
		}
		cursor = next
	}
	return nil, &Error{Method: method, Err: fmt.Errorf("more than %d pages of messages", maxPages)}
}

// wire is a message as Slack sends it. The library's own type lacks app_id, user_team and source_team.
type wire struct {
	Subtype    string          `json:"subtype"`
	TS         string          `json:"ts"`
	ThreadTS   string          `json:"thread_ts"`
	ParentUser string          `json:"parent_user_id"`
	User       string          `json:"user"`
	BotID      string          `json:"bot_id"`
	AppID      string          `json:"app_id"`
	BotProfile json.RawMessage `json:"bot_profile"`
	Text       string          `json:"text"`
	Team       string          `json:"team"`
	UserTeam   string          `json:"user_team"`
	SourceTeam string          `json:"source_team"`
	Edited     json.RawMessage `json:"edited"`
	Hidden     bool            `json:"hidden"`
	WorkflowID json.RawMessage `json:"workflow_id"`
	TriggerID  json.RawMessage `json:"trigger_id"`

	ReplyCount  int       `json:"reply_count"`
	LatestReply string    `json:"latest_reply"`
	Metadata    *Metadata `json:"metadata"`
	Files       []struct {
		Name      string `json:"name"`
		Permalink string `json:"permalink"`
	} `json:"files"`
	Blocks []struct {
		BlockID string `json:"block_id"`
	} `json:"blocks"`
}

// messageOf reads one message. One that cannot be read keeps its ts and can never count; it must not stop the others
// from being read.
func messageOf(channel string, raw json.RawMessage) Message {
	sum := sha256.Sum256(raw)
	digest := hex.EncodeToString(sum[:])
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		var only struct {
			TS string `json:"ts"`
		}
		_ = json.Unmarshal(raw, &only) // without even a ts it is dropped
		return Message{Channel: channel, TS: only.TS, Subtype: unreadable, Digest: digest}
	}
	m := Message{
		Channel: channel, TS: w.TS, ThreadTS: w.ThreadTS, User: w.User, BotID: w.BotID, AppID: w.AppID,
		Subtype: w.Subtype, Text: w.Text, Team: w.Team, UserTeam: w.UserTeam, SourceTeam: w.SourceTeam,
		ParentUser: w.ParentUser, Edited: present(w.Edited), Workflow: present(w.WorkflowID) || present(w.TriggerID),
		BotProfile: present(w.BotProfile), Hidden: w.Hidden, ReplyCount: w.ReplyCount, LatestReply: w.LatestReply,
		Metadata: w.Metadata, Digest: digest,
	}
	for _, f := range w.Files {
		m.Files = append(m.Files, Attached{redact.CleanLine(f.Name), f.Permalink})
	}
	for _, b := range w.Blocks {
		if b.BlockID != "" {
			m.BlockIDs = append(m.BlockIDs, b.BlockID)
		}
	}
	return m
}

// present reports whether a field was sent with anything but nothing in it.
func present(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "false", `""`:
		return false
	}
	return true
}

// Human reports whether a message can be a person's decision or wish, as far as the message itself shows: a plain message of a
// human member of this workspace, not edited. Otherwise reason says why not, for people. The author's record and the
// list of approvers come on top.
func (m Message) Human(self Identity) (reason string, ok bool) {
	switch {
	case m.User != "" && m.User == self.UserID, m.BotID != "" && m.BotID == self.BotID:
		return "it is the bot's own message", false
	case m.Workflow:
		return "it was sent by a workflow, not by a person", false
	case m.BotID != "", m.AppID != "", m.BotProfile, m.User == slackbot, m.Subtype == "bot_message":
		return "it was sent by an app, not by a person", false
	case m.Subtype != "" && m.Subtype != "thread_broadcast", m.Hidden:
		return "it is not a plain message", false
	case m.User == "":
		return "nobody is named as its author", false
	case m.Edited:
		return "it was edited after it was sent; please write it again", false
	case self.TeamID == "":
		return "it is not known yet which workspace this is", false
	}
	for _, team := range []string{m.Team, m.UserTeam, m.SourceTeam} {
		if team != "" && team != self.TeamID && (self.EnterpriseID == "" || team != self.EnterpriseID) {
			return "its author belongs to another workspace", false
		}
	}
	return "", true
}

// CompareTS compares two message timestamps, which also are ids, as the numbers that they are: -1, 0 or 1. They have
// more digits than a float64 keeps.
func CompareTS(a, b string) int {
	aSeconds, aRest, _ := strings.Cut(a, ".")
	bSeconds, bRest, _ := strings.Cut(b, ".")
	aSeconds, bSeconds = strings.TrimLeft(aSeconds, "0"), strings.TrimLeft(bSeconds, "0")
	if len(aSeconds) != len(bSeconds) {
		if len(aSeconds) < len(bSeconds) {
			return -1
		}
		return 1
	}
	if n := strings.Compare(aSeconds, bSeconds); n != 0 {
		return n
	}
	return strings.Compare(strings.TrimRight(aRest, "0"), strings.TrimRight(bRest, "0"))
}

// Permalink is a message's address in a browser.
func (c *Client) Permalink(ctx context.Context, channel, ts string) (string, error) {
	var link string
	_, err := c.call(ctx, methodPermalink, func(ctx context.Context) (err error) {
		link, err = c.api.GetPermalinkContext(ctx, &slackapi.PermalinkParameters{Channel: channel, Ts: ts})
		return err
	})
	return redact.CleanLine(link), err
}
