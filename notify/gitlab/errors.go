package gitlab

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"sallyport/notify/exchange"
	"sallyport/notify/forge/wire"
)

// said is the body of GitLab's errors. Messages are a text, a list of them, or a list of them for each field.
type said struct {
	Message     any    `json:"message"`
	Error       any    `json:"error"`
	Description string `json:"error_description"`
}

func readSaid(x *exchange.Exchange) (s said, ok bool) {
	ok = x.Whole && json.Unmarshal(x.Body, &s) == nil && (s.Message != nil || s.Error != nil)
	return s, ok
}

func (s said) words() string {
	parts := []string{flat(s.Message), flat(s.Error), s.Description}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), ": ")
}

func flat(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, one := range v {
			parts = append(parts, flat(one))
		}
		return strings.Join(parts, ", ")
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+" "+flat(v[key]))
		}
		return strings.Join(parts, ", ")
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// judge says what an answer means. What is no JSON came from something in front of GitLab, but for its limiter, which says a line of text.
func (c *link) judge(x *exchange.Exchange) wire.Judgement {
	s, ours := readSaid(x)
	j := wire.Judgement{Message: s.words(), Wait: wire.RetryAfter(x.Header, c.opts.Now())}
	switch x.Status {
	case http.StatusTooManyRequests:
		j.Kind = wire.RateLimited
		if j.Wait == 0 {
			j.Wait = wire.Until(x.Header, "RateLimit-Reset", c.opts.Now())
		}
		if !ours {
			j.Message = firstLine(x)
		}
		return j
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		j.Kind = wire.Moved
		return j
	case http.StatusUnauthorized:
		j.Kind = wire.Unauthorized
		return j
	}
	if !ours {
		return wire.Judgement{Kind: wire.Outage, Wait: j.Wait}
	}
	switch s := x.Status; {
	case s == http.StatusForbidden:
		j.Kind = wire.Forbidden
	case s == http.StatusNotFound || s == http.StatusGone:
		j.Kind = wire.NotFound
	case s == http.StatusConflict:
		j.Kind = wire.Busy
	case s == http.StatusRequestTimeout || s >= 500:
		j.Kind = wire.Outage
	case s >= 400:
		j.Kind = wire.Invalid
	}
	return j
}

func firstLine(x *exchange.Exchange) string {
	text := strings.TrimSpace(string(x.Body[:min(len(x.Body), 200)]))
	if text == "" || strings.ContainsAny(text, "<>\n") {
		return ""
	}
	return text
}

// hint says what a person can do.
func (c *link) hint(e *wire.Error, x *exchange.Exchange) string {
	switch e.Kind {
	case wire.Unauthorized:
		return "the token is wrong, was revoked or has expired: make a new one and put it where gitlab.token comes from"
	case wire.Forbidden:
		if strings.Contains(e.Message, "insufficient_scope") {
			return "the token reads only: statuses and comments need the scope api"
		}
		return "give the token's account the role Developer in " + c.opts.Project + ", and the token the scope api"
	case wire.NotFound:
		return "look at gitlab.project, and whether the token can reach " + c.opts.Project + ": GitLab says 404 for what a token may not know of"
	case wire.Moved:
		if strings.Contains(x.Header.Get("Location"), "/sign_in") {
			return "this is a page to sign in and no API: look at gitlab.url, and at what stands in front of GitLab"
		}
		return c.opts.Project + " was renamed or transferred: set gitlab.project to what it is called now"
	case wire.Outage:
		if x.Whole && x.Status == http.StatusNotFound {
			return "no GitLab answers there: if it is installed below a path, gitlab.url has to have that path"
		}
	}
	return ""
}
