package slacktest

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"sallyport/notify/slack/slacktest/link"
)

// lookup finds a channel for reading or writing, as far as the bot may see it.
func (s api) lookup(p url.Values, publicScope, privateScope string) (*channel, result) {
	id := p.Get("channel")
	if id == "" {
		return nil, invalid("missing required field: channel")
	}
	c := s.channels[id]
	if c == nil || c.Private && !c.Member {
		// A token without any of the two scopes learns that first.
		if s.need(publicScope) != nil && s.need(privateScope) != nil {
			return nil, s.need(publicScope)
		}
		return nil, failure("channel_not_found")
	}
	scope := publicScope
	if c.Private {
		scope = privateScope
	}
	return c, s.need(scope)
}

func (s api) conversationInfo(p url.Values) result {
	c, r := s.lookup(p, "channels:read", "groups:read")
	if r != nil {
		return r
	}
	return result{"channel": channelJSON(c)}
}

func channelJSON(c *channel) map[string]any {
	return map[string]any{
		"id": c.ID, "name": c.Name, "name_normalized": c.Name, "is_channel": !c.Private, "is_group": false,
		"is_private": c.Private, "is_archived": c.Archived, "is_member": c.Member, "is_ext_shared": c.Shared,
		"is_shared": c.Shared, "is_org_shared": false, "is_pending_ext_shared": false, "created": 1700000000,
	}
}

func (s api) conversationList(p url.Values) result {
	kinds := strings.Split(p.Get("types"), ",")
	if p.Get("types") == "" {
		kinds = []string{"public_channel"}
	}
	public, private := slices.Contains(kinds, "public_channel"), slices.Contains(kinds, "private_channel")
	if public {
		if r := s.need("channels:read"); r != nil {
			return r
		}
	}
	if private {
		if r := s.need("groups:read"); r != nil {
			return r
		}
	}
	var ids []string
	for id, c := range s.channels {
		if c.Private && (!private || !c.Member) || !c.Private && !public || c.Archived && link.IsTrue(p.Get("exclude_archived")) {
			continue
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	from, r := cursorOf(p)
	if r != nil {
		return r
	}
	i, _ := slices.BinarySearch(ids, from)
	end := min(len(ids), i+s.limit(p, 100))
	list := []map[string]any{}
	for _, id := range ids[i:end] {
		list = append(list, channelJSON(s.channels[id]))
	}
	next := ""
	if end < len(ids) {
		next = link.Cursor(ids[end])
	}
	return result{"channels": list, "response_metadata": map[string]any{"next_cursor": next}}
}

func (s api) history(p url.Values) result {
	c, r := s.lookup(p, "channels:history", "groups:history")
	if r != nil {
		return r
	}
	if !c.Member {
		return failure("not_in_channel")
	}
	var list []*Message
	for _, m := range c.messages {
		if !m.Deleted && (m.ThreadTS == "" || m.ThreadTS == m.TS || m.Subtype == "thread_broadcast") && link.InRange(m.TS, p) {
			list = append(list, m)
		}
	}
	slices.Reverse(list) // newest first
	from, r := cursorOf(p)
	if r != nil {
		return r
	}
	if from != "" {
		list = slices.DeleteFunc(list, func(m *Message) bool { return m.TS > from })
	}
	return s.page(list, p, nil)
}

func (s api) replies(p url.Values) result {
	c, r := s.lookup(p, "channels:history", "groups:history")
	if r != nil {
		return r
	}
	if !c.Member {
		return failure("not_in_channel")
	}
	if p.Get("ts") == "" {
		return invalid("missing required field: ts")
	}
	parent := c.find(p.Get("ts"))
	if parent == nil {
		return failure("thread_not_found")
	}
	from, r := cursorOf(p)
	if r != nil {
		return r
	}
	var list []*Message
	for _, m := range c.replies(parent.TS) {
		if link.InRange(m.TS, p) && m.TS >= from {
			list = append(list, m)
		}
	}
	if from != "" {
		parent = nil // only the first page has it
	}
	return s.page(list, p, parent)
}

// page cuts a list at the limit.
func (s api) page(list []*Message, p url.Values, first *Message) result {
	n := min(len(list), s.limit(p, 100))
	metadata := link.IsTrue(p.Get("include_all_metadata"))
	out := []map[string]any{}
	if first != nil {
		out = append(out, s.messageJSON(first, metadata))
	}
	for _, m := range list[:n] {
		out = append(out, s.messageJSON(m, metadata))
	}
	r := result{"messages": out, "has_more": n < len(list)}
	if n < len(list) {
		r["response_metadata"] = map[string]any{"next_cursor": link.Cursor(list[n].TS)}
	}
	return r
}

func (s api) limit(p url.Values, standard int) int {
	n, err := strconv.Atoi(p.Get("limit"))
	if err != nil || n <= 0 {
		n = standard
	}
	return min(n, 999, s.opts.PageLimit)
}

func cursorOf(p url.Values) (from string, r result) {
	cursor := p.Get("cursor")
	if cursor == "" {
		return "", nil
	}
	b, err := base64.StdEncoding.DecodeString(cursor)
	from, ok := strings.CutPrefix(string(b), "next:")
	if err != nil || !ok {
		return "", failure("invalid_cursor")
	}
	return from, nil
}

// messageJSON is a message as conversations.history and .replies show it.
func (s api) messageJSON(m *Message, metadata bool) map[string]any {
	out := map[string]any{"type": "message", "ts": m.TS, "text": m.Text}
	set := func(key, value string) {
		if value != "" {
			out[key] = value
		}
	}
	set("user", m.User)
	set("subtype", m.Subtype)
	set("bot_id", m.BotID)
	set("app_id", m.AppID)
	set("team", m.Team)
	set("user_team", m.UserTeam)
	set("source_team", m.SourceTeam)
	set("thread_ts", m.ThreadTS)
	if m.BotProfile || m.BotID != "" {
		out["bot_profile"] = map[string]any{"id": m.BotID, "app_id": m.AppID, "name": "an app"}
	}
	if m.Edited {
		out["edited"] = map[string]any{"user": m.User, "ts": m.TS}
	}
	if m.Workflow {
		out["workflow_id"], out["trigger_id"] = "Wf0123", "1.2.3"
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if metadata && len(m.Metadata) > 0 {
		out["metadata"] = json.RawMessage(m.Metadata)
	}
	if len(m.Files) > 0 {
		var files []map[string]any
		for _, f := range m.Files {
			files = append(files, s.fileJSON(f))
		}
		out["files"] = files
	}
	if len(m.Reactions) > 0 {
		out["reactions"] = reactionsJSON(m.Reactions)
	}
	s.threadJSON(m, out)
	for k, v := range m.Extra {
		out[k] = v
	}
	return out
}

func (s api) threadJSON(m *Message, out map[string]any) {
	c := s.channels[m.Channel]
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		if parent := c.find(m.ThreadTS); parent != nil {
			out["parent_user_id"] = parent.User
		}
		return
	}
	replies := c.replies(m.TS)
	if len(replies) == 0 {
		return
	}
	var users []string
	for _, r := range replies {
		if r.User != "" && !slices.Contains(users, r.User) {
			users = append(users, r.User)
		}
	}
	out["thread_ts"], out["reply_count"], out["reply_users"] = m.TS, len(replies), users
	out["reply_users_count"], out["latest_reply"] = len(users), replies[len(replies)-1].TS
}
