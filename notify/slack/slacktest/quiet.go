package slacktest

import (
	"net/url"
	"regexp"
	"slices"
)

// Reaction is an emoji on a message, with who put it there.
type Reaction struct {
	Name  string
	Users []string
}

// Ephemeral is a message that one person alone was shown. Slack keeps none: it is in no history and in no thread.
type Ephemeral struct {
	Channel, ThreadTS, User, Text string
	Blocks                        []map[string]any
}

// Visible is what that person sees of it.
func (e Ephemeral) Visible() string { return Message{Text: e.Text, Blocks: e.Blocks}.Visible() }

// Ephemerals are what single persons were shown, in the order in which it was posted.
func (s *Server) Ephemerals(channel string) []Ephemeral {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Ephemeral
	for _, e := range s.private {
		if e.Channel == channel {
			out = append(out, e)
		}
	}
	return out
}

func (s api) postEphemeral(p url.Values) result {
	if r := s.need("chat:write"); r != nil {
		return r
	}
	c, r := s.writable(p)
	if r != nil {
		return r
	}
	id := p.Get("user")
	u := s.users[id]
	switch {
	case id == "":
		return invalid("missing required field: user")
	case u == nil:
		return failure("user_not_in_channel")
	case u.Deleted, u.Bot, slices.Contains(u.Left, c.ID):
		return failure("user_not_in_channel")
	}
	var m Message
	if r := s.fill(&m, p, maxPostText); r != nil {
		return r
	}
	if thread := p.Get("thread_ts"); thread != "" && c.find(thread) == nil {
		return failure("thread_not_found")
	}
	s.private = append(s.private, Ephemeral{Channel: c.ID, ThreadTS: p.Get("thread_ts"), User: id, Text: m.Text, Blocks: m.Blocks})
	return result{"message_ts": s.nextTS()}
}

// emojiName is what the name of an emoji looks like, without the colons.
var emojiName = regexp.MustCompile(`^[a-z0-9_+'-]{1,100}$`)

// maxReactions is how many different emoji a message takes.
const maxReactions = 50

func (s api) addReaction(p url.Values) result {
	if r := s.need("reactions:write"); r != nil {
		return r
	}
	name := p.Get("name")
	switch {
	case name == "":
		return invalid("missing required field: name")
	case !emojiName.MatchString(name):
		return failure("invalid_name")
	case p.Get("channel") == "" || p.Get("timestamp") == "":
		return failure("no_item_specified")
	}
	c := s.channels[p.Get("channel")]
	switch {
	case c == nil, c.Private && !c.Member:
		return failure("channel_not_found")
	case !c.Member:
		return failure("not_in_channel")
	case c.Archived:
		return failure("is_archived")
	}
	m := c.find(p.Get("timestamp"))
	if m == nil {
		return failure("message_not_found")
	}
	for i, r := range m.Reactions {
		if r.Name != name {
			continue
		}
		if slices.Contains(r.Users, s.opts.BotUserID) {
			return failure("already_reacted")
		}
		m.Reactions[i].Users = append(slices.Clone(r.Users), s.opts.BotUserID)
		return result{}
	}
	if len(m.Reactions) >= maxReactions {
		return failure("too_many_emoji")
	}
	m.Reactions = append(slices.Clone(m.Reactions), Reaction{name, []string{s.opts.BotUserID}})
	return result{}
}

// reactionsJSON are a message's reactions as the API shows them.
func reactionsJSON(list []Reaction) []map[string]any {
	out := []map[string]any{}
	for _, r := range list {
		out = append(out, map[string]any{"name": r.Name, "users": r.Users, "count": len(r.Users)})
	}
	return out
}
