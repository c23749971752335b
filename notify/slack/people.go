package slack

import (
	"context"
	"errors"
	"regexp"
	"strings"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/redact"
)

// Identify asks who the token belongs to, and what it may do.
func (c *Client) Identify(ctx context.Context) (Identity, error) {
	var answer *slackapi.AuthTestResponse
	x, err := c.call(ctx, methodAuthTest, func(ctx context.Context) (err error) {
		answer, err = c.api.AuthTestContext(ctx)
		return err
	})
	if err != nil {
		return Identity{}, err
	}
	id := Identity{
		TeamID: answer.TeamID, Team: redact.CleanLine(answer.Team), EnterpriseID: answer.EnterpriseID,
		UserID: answer.UserID, User: redact.CleanLine(answer.User), BotID: answer.BotID, URL: redact.CleanLine(answer.URL),
	}
	for _, scope := range strings.Split(x.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			id.Scopes = append(id.Scopes, redact.CleanLine(scope))
		}
	}
	if id.UserID == "" || id.TeamID == "" {
		return Identity{}, &Error{Method: methodAuthTest, Err: errors.New("the answer names no user or no workspace")}
	}
	if id.BotID == "" {
		return Identity{}, &Error{Method: methodAuthTest, Code: "not_allowed_token_type",
			Hint: "slack.token has to be the bot token, which begins with xoxb-"}
	}
	c.mu.Lock()
	c.identity = &id
	c.mu.Unlock()
	return id, nil
}

// self is [Client.Identify], asked once: a token never changes its owner.
func (c *Client) self(ctx context.Context) (Identity, error) {
	c.mu.Lock()
	known := c.identity
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	return c.Identify(ctx)
}

// channelID is what ids of channels look like; G ones are private channels of old.
var channelID = regexp.MustCompile(`^[CG][A-Z0-9]{7,}$`)

// ResolveChannel looks up a channel by its id, or by its name with or without #. A channel that is not there, or is
// private and without the bot, is an [*Error] with the code channel_not_found. Whether the bot is in it, see Member.
func (c *Client) ResolveChannel(ctx context.Context, name string) (Channel, error) {
	if channelID.MatchString(name) {
		var ch *slackapi.Channel
		_, err := c.call(ctx, methodInfo, func(ctx context.Context) (err error) {
			ch, err = c.api.GetConversationInfoContext(ctx, &slackapi.GetConversationInfoInput{ChannelID: name})
			return err
		})
		if err != nil {
			return Channel{}, err
		}
		return channelOf(*ch), nil
	}
	want := strings.ToLower(strings.TrimPrefix(name, "#"))
	found, ok, err := c.findChannel(ctx, want, []string{"public_channel", "private_channel"})
	if missingScope(err) { // one of the two scopes is enough, if it is the right one
		first := err
		for _, kind := range []string{"private_channel", "public_channel"} {
			if found, ok, err = c.findChannel(ctx, want, []string{kind}); ok || err != nil && !missingScope(err) {
				break
			}
		}
		if missingScope(err) && !ok {
			err = first
		}
	}
	if err != nil {
		return Channel{}, err
	}
	if !ok {
		e := &Error{Method: methodList, Code: "channel_not_found"}
		e.Hint = hintFor(e)
		return Channel{}, e
	}
	return found, nil
}

func missingScope(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeMissingScope
}

// findChannel goes through the list of channels. A name may belong to an archived channel and to a new one: the living
// one is meant.
func (c *Client) findChannel(ctx context.Context, name string, kinds []string) (found Channel, ok bool, err error) {
	params := &slackapi.GetConversationsParameters{Limit: 999, Types: kinds}
	for range maxPages {
		var page []slackapi.Channel
		var next string
		_, err := c.call(ctx, methodList, func(ctx context.Context) (err error) {
			page, next, err = c.api.GetConversationsContext(ctx, params)
			return err
		})
		if err != nil {
			return Channel{}, false, err
		}
		for _, ch := range page {
			if ch.Name != name && ch.NameNormalized != name {
				continue
			}
			if found, ok = channelOf(ch), true; !found.Archived {
				return found, true, nil
			}
		}
		if next == "" || next == params.Cursor {
			return found, ok, nil
		}
		params.Cursor = next
	}
	return found, ok, nil
}

func channelOf(ch slackapi.Channel) Channel {
	return Channel{
		ID: ch.ID, Name: redact.CleanLine(ch.Name), Member: ch.IsMember, Archived: ch.IsArchived, Private: ch.IsPrivate,
		Shared: ch.IsExtShared || ch.IsPendingExtShared || len(ch.PendingShared) > 0,
	}
}

// User reads a member's record, fresh each time: a decision must not count by what somebody was an hour ago.
func (c *Client) User(ctx context.Context, id string) (User, error) {
	return c.user(ctx, methodUser, func(ctx context.Context) (*slackapi.User, error) {
		return c.api.GetUserInfoContext(ctx, id)
	})
}

// UserByEmail looks up a member by e-mail address; it needs the scope users:read.email.
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error) {
	return c.user(ctx, methodEmail, func(ctx context.Context) (*slackapi.User, error) {
		return c.api.GetUserByEmailContext(ctx, email)
	})
}

func (c *Client) user(ctx context.Context, method string, f func(context.Context) (*slackapi.User, error)) (User, error) {
	var u *slackapi.User
	_, err := c.call(ctx, method, func(ctx context.Context) (err error) {
		u, err = f(ctx)
		return err
	})
	if err != nil {
		return User{}, err
	}
	if u.ID == "" {
		return User{}, &Error{Method: method, Err: errors.New("the answer names no user")}
	}
	name := u.Name
	for _, n := range []string{u.Profile.DisplayName, u.RealName, u.Profile.RealName} {
		if n != "" {
			name = n
			break
		}
	}
	return User{
		ID: u.ID, TeamID: u.TeamID, EnterpriseID: u.Enterprise.EnterpriseID,
		Name: redact.CleanLine(name), Email: redact.CleanLine(u.Profile.Email),
		Deleted: u.Deleted, Bot: u.IsBot || u.IsWorkflowBot || u.IsConnectorBot,
		Restricted: u.IsRestricted, UltraRestricted: u.IsUltraRestricted, Stranger: u.IsStranger,
	}, nil
}

// Groups lists the user groups of the workspace; it needs the scope usergroups:read and a paid plan.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var all []slackapi.UserGroup
	_, err := c.call(ctx, methodGroups, func(ctx context.Context) (err error) {
		all, err = c.api.GetUserGroupsContext(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	groups := make([]Group, 0, len(all))
	for _, g := range all {
		name := g.Handle // which is what stands behind the @
		if name == "" {
			name = g.Name
		}
		groups = append(groups, Group{ID: g.ID, Name: redact.CleanLine(name)})
	}
	return groups, nil
}

// GroupMembers lists the user ids of a user group; it needs the scope usergroups:read and a paid plan.
func (c *Client) GroupMembers(ctx context.Context, groupID string) ([]string, error) {
	var ids []string
	_, err := c.call(ctx, methodGroup, func(ctx context.Context) (err error) {
		ids, err = c.api.GetUserGroupMembersContext(ctx, groupID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}
