package slack

import (
	"context"
	"errors"
	"slices"
	"time"

	slackapi "github.com/slack-go/slack"
)

// PostPrivately posts plain words that one person alone sees, in a thread or in the channel. Slack keeps no such message: it cannot be
// looked for, and whoever has closed Slack never sees it. An error that is [Refused] says that this person cannot be told so.
func (c *Client) PostPrivately(ctx context.Context, p Post, user string) error {
	options := append(safeOptions(p.Text), slackapi.MsgOptionBlocks(textBlocks(p)...))
	if p.Thread != "" {
		options = append(options, slackapi.MsgOptionTS(p.Thread))
	}
	_, err := c.call(ctx, methodEphemeral, func(ctx context.Context) error {
		_, err := c.api.PostEphemeralContext(ctx, p.Channel, user, options...)
		return err
	})
	return err
}

const (
	scopeReact = "reactions:write"
	// reactRest is how long no reaction is tried after one that went wrong: it is a comfort, and must not hold up what is not.
	reactRest = 5 * time.Minute
)

// React puts a reaction on a message, by the emoji's name. One that is there already is no error. Whether the token may is asked once:
// after an answer that it may not, nothing is sent any more.
func (c *Client) React(ctx context.Context, channel, ts, emoji string) error {
	if err := c.mayReact(ctx); err != nil {
		return err
	}
	_, err := c.call(ctx, methodReact, func(ctx context.Context) error {
		return c.api.AddReactionContext(ctx, emoji, slackapi.NewRefToMessage(channel, ts))
	})
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case "already_reacted":
		return nil
	case codeMissingScope, "unknown_method", "not_allowed_token_type", "no_permission":
		c.mu.Lock()
		c.noReact = e
		c.mu.Unlock()
	case "":
		c.pause(methodReact, reactRest)
	}
	return err
}

// mayReact says why reactions are not tried; nil if they are.
func (c *Client) mayReact(ctx context.Context) error {
	self, err := c.self(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noReact == nil && len(self.Scopes) > 0 && !slices.Contains(self.Scopes, scopeReact) {
		c.noReact = &Error{Method: methodReact, Code: codeMissingScope, Needed: scopeReact}
		c.noReact.Hint = hintFor(c.noReact)
	}
	if c.noReact != nil { // never a typed nil
		return c.noReact
	}
	return nil
}
