package slack

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/redact"
)

// triggerLife is how long Slack lets a modal be opened for what somebody did.
const triggerLife = 3 * time.Second

// Modal is what a person is shown in a window of its own, as slack-go builds it.
type Modal = slackapi.ModalViewRequest

// Shown is a modal that a person has before them.
type Shown struct {
	ID   string
	Hash string // of what is shown now; given to [Client.UpdateView], what somebody else changed since is not overwritten
}

// OpenView shows a modal to whoever did what the trigger came with. See [Expired]: a trigger lives three seconds and serves once.
func (c *Client) OpenView(ctx context.Context, trigger string, m Modal) (Shown, error) {
	return view(ctx, c, methodOpenView, func(ctx context.Context) error {
		_, err := c.api.OpenViewContext(ctx, trigger, m)
		return err
	})
}

// PushView shows a modal above the one in which somebody did something. Three can lie above each other.
func (c *Client) PushView(ctx context.Context, trigger string, m Modal) (Shown, error) {
	return view(ctx, c, methodPushView, func(ctx context.Context) error {
		_, err := c.api.PushViewContext(ctx, trigger, m)
		return err
	})
}

// UpdateView changes a modal that is shown. With a hash, only if it still is what the hash was of: see [Changed].
func (c *Client) UpdateView(ctx context.Context, id, hash string, m Modal) (Shown, error) {
	return view(ctx, c, methodUpdateView, func(ctx context.Context) error {
		_, err := c.api.UpdateViewContext(ctx, m, "", hash, id)
		return err
	})
}

// view shows something and reads which view that is now.
func view(ctx context.Context, c *Client, method string, f func(context.Context) error) (Shown, error) {
	x, err := c.call(ctx, method, f)
	if err != nil {
		return Shown{}, err
	}
	var answer struct {
		View struct {
			ID   string `json:"id"`
			Hash string `json:"hash"`
		} `json:"view"`
	}
	if err := json.Unmarshal(x.Body, &answer); err != nil || answer.View.ID == "" {
		return Shown{}, &Error{Method: method, Unknown: true, Err: errors.New("the answer names no view")}
	}
	return Shown{ID: answer.View.ID, Hash: answer.View.Hash}, nil
}

// Expired reports whether a modal could not be opened because it took too long, or because the trigger had served: the person has to
// press again.
func Expired(err error) bool {
	return coded(err, "expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged", "invalid_trigger_id", "invalid_trigger")
}

// Changed reports whether a modal was not updated because it shows something else by now.
func Changed(err error) bool { return coded(err, "hash_conflict") }

// Gone reports whether a modal was not updated because nobody has it before them any more.
func Gone(err error) bool { return coded(err, "not_found", "view_not_found") }

func coded(err error, codes ...string) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// SocketURL asks for the address of a websocket on which Slack tells what people do, see package socket. The address lets whoever has
// it listen in our place, once and within seconds.
func (c *Client) SocketURL(ctx context.Context) (redact.Secret, error) {
	var address string
	_, err := c.call(ctx, methodSocket, func(ctx context.Context) (err error) {
		_, address, err = c.api.StartSocketModeContext(ctx)
		return err
	})
	if err == nil && address == "" {
		err = &Error{Method: methodSocket, Err: errors.New("the answer names no address")}
	}
	return redact.NewSecret(address), err
}

func socketHint(e *Error) string {
	switch e.Code {
	case codeMissingScope, "no_permission":
		return "generate an app-level token with the scope connections:write (Basic Information, App-Level Tokens) and put it in the place of slack.app_token"
	case "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive":
		return "the app-level token is not valid any more: generate one with the scope connections:write (Basic Information, App-Level Tokens) and put it in the place of slack.app_token"
	case "not_allowed_token_type":
		return "slack.app_token has to be an app-level token, which begins with xapp-"
	case "forbidden_team", "team_access_not_granted":
		return "the app-level token belongs to an app that is not installed in this workspace"
	}
	return ""
}
