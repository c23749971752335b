package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	slackapi "github.com/slack-go/slack"

	"sallyport/notify/exchange"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Codes of our own use; Slack's others travel as they come.
const (
	codeRateLimited   = "ratelimited"
	codeMissingScope  = "missing_scope"
	codeTooLong       = "msg_blocks_too_long"
	codeInvalidBlocks = "invalid_blocks"
)

// Names of the methods. An upload's second step goes to a URL of its own and is no method of the API.
const (
	methodAuthTest    = "auth.test"
	methodInfo        = "conversations.info"
	methodList        = "conversations.list"
	methodHistory     = "conversations.history"
	methodReplies     = "conversations.replies"
	methodUser        = "users.info"
	methodEmail       = "users.lookupByEmail"
	methodGroup       = "usergroups.users.list"
	methodGroups      = "usergroups.list"
	methodPost        = "chat.postMessage"
	methodUpdate      = "chat.update"
	methodPermalink   = "chat.getPermalink"
	methodEphemeral   = "chat.postEphemeral"
	methodReact       = "reactions.add"
	methodUploadURL   = "files.getUploadURLExternal"
	methodUpload      = "upload"
	methodUploadShare = "files.completeUploadExternal"
	methodOpenView    = "views.open"
	methodPushView    = "views.push"
	methodUpdateView  = "views.update"
	methodSocket      = "apps.connections.open"
)

// Error is what went wrong with one call.
type Error struct {
	Method string
	Code   string // Slack's error code; empty if no answer of Slack's came
	// Needed and Provided are scopes, when one is missing.
	Needed, Provided string
	RetryAfter       time.Duration // of a rate limit
	Unknown          bool          // a write that may have been carried out all the same
	Err              error         // what lies below, if anything
	Hint             string        // what a person can do
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "slack's %s: ", e.Method)
	switch {
	case e.Code == codeMissingScope && e.Needed != "":
		fmt.Fprintf(&b, "%s: %s", e.Code, e.Needed)
	case e.Code == codeRateLimited:
		fmt.Fprintf(&b, "rate limit, again in %s", words.Span(e.RetryAfter))
	case e.Code != "":
		b.WriteString(redact.CleanLine(e.Code))
	case e.Err != nil:
		b.WriteString(redact.CleanLine(e.Err.Error()))
	default:
		b.WriteString("no answer")
	}
	if e.Unknown {
		b.WriteString(" (it may have been carried out)")
	}
	return b.String()
}

// Unwrap implements the interface of errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// UserHint says what a person can do; empty if nothing.
func (e *Error) UserHint() string { return e.Hint }

// RetryAfter reports whether an error is a rate limit, and after how long to try again.
func RetryAfter(err error) (time.Duration, bool) {
	var e *Error
	if errors.As(err, &e) && e.RetryAfter > 0 {
		return e.RetryAfter, true
	}
	return 0, false
}

// Unknown reports whether a write may have been carried out though it ended with err. Search before sending again.
func Unknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unknown
}

// Permanent reports whether only a person can make err go away: a revoked token, a missing scope, a channel that is not
// there or that the bot is not in. Trying again slowly is right all the same: people do mend these.
func Permanent(err error) bool {
	var e *Error
	return errors.As(err, &e) && slices.Contains(permanentCodes(), e.Code)
}

func permanentCodes() []string {
	return []string{
		"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission", "org_login_required",
		"ekm_access_denied", "access_denied", "not_allowed_token_type", "team_access_not_granted", "two_factor_setup_required",
		codeMissingScope, "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "posting_to_channel_denied",
		"user_not_found", "users_not_found", "no_such_subteam", "plan_upgrade_required", "thread_not_found", "message_not_found",
		"cant_update_message", "edit_window_closed", "team_not_found", "invalid_arguments",
	}
}

// Refused reports whether Slack answered that it does not do this, so that nothing was done and asking again soon changes nothing.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code != "" && e.Code != codeRateLimited && !e.Unknown
}

// isWrite reports whether a method changes what people see. Bytes of an upload that was never completed are nothing.
func isWrite(method string) bool {
	switch method {
	case methodPost, methodUpdate, methodEphemeral, methodUploadShare, methodOpenView, methodPushView, methodUpdateView:
		return true
	}
	return false
}

// errorOf turns what the library and the wire say into an [*Error].
func (c *Client) errorOf(method string, x *exchange.Exchange, err error) *Error {
	e := &Error{Method: method, Err: err}
	var answer struct {
		OK               *bool  `json:"ok"`
		Error            string `json:"error"`
		Needed           string `json:"needed"`
		Provided         string `json:"provided"`
		ResponseMetadata struct {
			Messages []string `json:"messages"`
		} `json:"response_metadata"`
	}
	said := x.Whole && json.Unmarshal(x.Body, &answer) == nil && answer.OK != nil
	var limited *slackapi.RateLimitedError
	switch {
	case x.Status == http.StatusTooManyRequests || errors.As(err, &limited),
		said && !*answer.OK && (answer.Error == codeRateLimited || answer.Error == "rate_limited"):
		e.Code, e.RetryAfter, e.Err = codeRateLimited, retryAfter(x.Header), nil
		if e.RetryAfter == 0 {
			e.RetryAfter = defaultPause
		}
	case said && !*answer.OK && answer.Error != "":
		e.Code, e.Needed, e.Provided, e.Err = answer.Error, answer.Needed, answer.Provided, nil
		if m := answer.ResponseMetadata.Messages; len(m) > 0 {
			e.Err = errors.New(redact.CleanLine(strings.Join(m, "; ")))
		}
		// Slack gives these when it fell over half-way.
		e.Unknown = isWrite(method) && (answer.Error == "internal_error" || answer.Error == "fatal_error" ||
			answer.Error == "request_timeout" || answer.Error == "service_unavailable")
	default:
		e.Unknown = isWrite(method) && x.Sent && !refused(x.Status)
		if errors.Is(err, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("no answer within %s: %w", c.timeout(method), context.DeadlineExceeded)
		}
	}
	if e.Hint = hintFor(e); e.Hint == "" && !said && x.Status == 0 {
		e.Hint = unreached(c.opts.APIURL)
	}
	return e
}

// unreached is what to look at where no answer came at all.
func unreached(host string) string {
	if u, err := url.Parse(host); err == nil {
		host = u.Host
	}
	return "can this machine reach " + host + "? Where only a proxy does, HTTPS_PROXY in the agent's environment names it"
}

// refused reports whether an HTTP status says that nothing was done: a client error, or a redirect that was not
// followed.
func refused(status int) bool { return status >= 300 && status < 500 }

func hintFor(e *Error) string {
	if e.Method == methodSocket {
		return socketHint(e)
	}
	switch e.Code {
	case codeMissingScope:
		if e.Needed == "" {
			return "add the missing scope to the Slack app and install it again"
		}
		return fmt.Sprintf("add the bot scope %s to the Slack app (OAuth & Permissions) and install it again", e.Needed)
	case "invalid_auth", "not_authed", "token_revoked", "account_inactive":
		return "the bot token is not valid any more: install the Slack app again and put its new xoxb- token in place"
	case "token_expired":
		return "turn token rotation off in the Slack app and install it again"
	case "not_in_channel":
		return "invite the bot: /invite @name in the channel"
	case "channel_not_found":
		return "check slack.channel; a private channel is visible only after the bot was invited: /invite @name"
	case "is_archived":
		return "unarchive the channel or name another one in slack.channel"
	case "restricted_action", "posting_to_channel_denied":
		return "the workspace or the channel does not let apps post: ask its administrator"
	case "user_not_found", "users_not_found":
		return "no such member of this workspace: check the id or e-mail"
	case "no_such_subteam":
		return "no such user group in this workspace: check the id, which begins with S"
	case "plan_upgrade_required":
		return "user groups need a paid Slack plan: list the approvers by id instead"
	case "not_allowed_token_type":
		return "slack.token has to be the bot token, which begins with xoxb-"
	}
	return ""
}
