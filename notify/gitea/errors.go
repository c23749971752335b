package gitea

import (
	"encoding/json"
	"net/http"
	"strings"

	"sallyport/notify/exchange"
	"sallyport/notify/forge/wire"
)

// said is the body of Gitea's errors. Its 404s have a list beside the message.
type said struct {
	Message *string  `json:"message"`
	Errors  []string `json:"errors"`
}

// words reads what Gitea said; ours reports whether it was Gitea, and not a proxy before it.
func words(x *exchange.Exchange) (text string, ours bool) {
	var body said
	if json.Unmarshal(x.Body, &body) != nil || body.Message == nil {
		return "", false
	}
	parts := []string{*body.Message}
	for _, one := range body.Errors {
		if !strings.Contains(*body.Message, one) {
			parts = append(parts, one)
		}
	}
	return strings.Trim(strings.Join(parts, ": "), ": "), true
}

// judge says what an answer means that is no success.
func (c *Client) judge(x *exchange.Exchange) wire.Judgement {
	text, ours := words(x)
	j := wire.Judgement{Message: text, Wait: wire.RetryAfter(x.Header, c.opts.Now())}
	switch s := x.Status; {
	case s == http.StatusTooManyRequests: // a proxy's: Gitea has no limits
		j.Kind = wire.RateLimited
	case s == http.StatusUnauthorized:
		j.Kind = wire.Unauthorized
	case s == http.StatusForbidden, s == http.StatusLocked: // 423: the repository is archived
		j.Kind = wire.Forbidden
	case s == http.StatusNotFound, s == http.StatusGone:
		j.Kind = wire.NotFound
	case s == http.StatusMovedPermanently, s == http.StatusFound, s == http.StatusTemporaryRedirect, s == http.StatusPermanentRedirect:
		j.Kind = wire.Moved
	case s == http.StatusInternalServerError && ours:
		// Gitea's own, and often of this one request: an empty message is the rule. What else is asked may go well.
		j.Kind = wire.Busy
		if j.Message == "" {
			j.Message = "an internal error of the server, about which its log says more"
		}
	case s >= 400 && s < 500 && s != http.StatusRequestTimeout && ours:
		j.Kind = wire.Invalid
	}
	return j
}

// hint says what a person can do.
func (c *Client) hint(e *wire.Error, _ *exchange.Exchange) string {
	switch e.Kind {
	case wire.Unauthorized:
		return "the token is wrong or was revoked: make a new one (Settings, Applications) and put it where gitea.token comes from"
	case wire.Forbidden:
		return forbiddenHint(c.opts.Repository, e.Message)
	case wire.NotFound:
		return "look at gitea.repository and gitea.url (with the path that the site has), and whether the token's account can reach " +
			c.opts.Repository + ": Gitea says 404 for what an account may not know of"
	case wire.Moved:
		return c.opts.Repository + " was renamed or transferred, or the site moved: set gitea.repository and gitea.url to what they are called now"
	}
	return ""
}

func forbiddenHint(repository, message string) string {
	switch text := strings.ToLower(message); {
	case strings.Contains(text, "scope"):
		return "give the token these scopes: " + scopes
	case strings.Contains(text, "archived"):
		return "the repository is archived: nothing can be written to it"
	case strings.Contains(text, "only admins"):
		return "make the token's account an administrator of " + repository + ": Gitea tells nobody else who may write"
	}
	return "give the token's account the right to write to " + repository + ", and the token these scopes: " + scopes
}

// scopes are what a token needs for everything.
const scopes = "write:repository, write:issue, read:user, read:organization"
