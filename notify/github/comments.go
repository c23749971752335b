package github

import (
	"context"
	"fmt"
	"strings"
	"time"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/forge"
	"sallyport/notify/redact"
)

// MaxComment is the most that GitHub takes as a comment, in characters. We count those beyond the basic plane twice, as
// Java and JavaScript do, to be on the safe side.
const MaxComment = 65536

// MaxComment is [MaxComment], in the characters of [forge.Units].
func (c *Client) MaxComment() int { return MaxComment }

func commentOf(c *githubapi.IssueComment) Comment {
	return Comment{ID: c.GetID(), Body: redact.Clean(c.GetBody()), URL: redact.CleanLine(c.GetHTMLURL()), Author: userOf(c.GetUser()),
		CreatedAt: c.GetCreatedAt().Time, UpdatedAt: c.GetUpdatedAt().Time}
}

// Comments are the comments of a pull request that were made or edited at or after a time, oldest first; the zero time
// gives all. Comments on lines of its diff are not among them.
func (c *Client) Comments(ctx context.Context, number int, since time.Time) ([]Comment, error) {
	var out []Comment
	_, err := c.eachComment(ctx, number, since, func(one Comment) bool {
		out = append(out, one)
		return false
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *Client) eachComment(ctx context.Context, number int, since time.Time, like func(Comment) bool) (bool, error) {
	return c.pagesUntil(ctx, fmt.Sprintf("reading the comments of pull request %d", number),
		func(ctx context.Context, o githubapi.ListOptions) (*githubapi.Response, bool, error) {
			options := &githubapi.IssueListCommentsOptions{ListOptions: o}
			if !since.IsZero() {
				since := since.UTC().Truncate(time.Second)
				options.Since = &since
			}
			list, resp, err := c.api.Issues.ListComments(ctx, c.opts.owner, c.opts.name, number, options)
			if err != nil {
				return resp, false, err
			}
			for _, one := range list {
				if like(commentOf(one)) {
					return resp, true, nil
				}
			}
			return resp, false, nil
		})
}

// FindComment looks for our comment with a marker: by ourselves, and beginning with it, because anybody can write a marker
// or quote one. If a lost answer led to several, the oldest counts.
func (c *Client) FindComment(ctx context.Context, number int, marker string) (found Comment, ok bool, err error) {
	self, err := c.Self(ctx)
	if err != nil {
		return Comment{}, false, err
	}
	ok, err = c.eachComment(ctx, number, time.Time{}, func(one Comment) bool {
		if one.Author.ID != self.ID || marker == "" || !strings.HasPrefix(one.Body, marker) {
			return false
		}
		found = one
		return true
	})
	return found, ok, err
}

// CreateComment comments on a pull request. It is not idempotent: after an unknown outcome, [Client.FindComment] first.
func (c *Client) CreateComment(ctx context.Context, number int, body string) (id int64, err error) {
	doing := fmt.Sprintf("commenting on pull request %d", number)
	if err := checkBody(doing, body); err != nil {
		return 0, err
	}
	_, err = c.run(ctx, call{doing: doing, effect: writes, do: func(ctx context.Context) error {
		made, _, err := c.api.Issues.CreateComment(ctx, c.opts.owner, c.opts.name, number, githubapi.IssueCommentRequest{Body: body})
		id = made.GetID()
		return err
	}})
	if err == nil && id == 0 {
		e := odd(doing, "it names no comment")
		e.Unknown = true
		return 0, e
	}
	return id, err
}

// EditComment changes a comment. Doing it twice does no harm.
func (c *Client) EditComment(ctx context.Context, id int64, body string) error {
	const doing = "editing a comment"
	if err := checkBody(doing, body); err != nil {
		return err
	}
	_, err := c.run(ctx, call{doing: doing, effect: writes, do: func(ctx context.Context) error {
		_, _, err := c.api.Issues.UpdateComment(ctx, c.opts.owner, c.opts.name, id, githubapi.IssueCommentRequest{Body: body})
		return err
	}})
	return err
}

// PutComment makes the one comment of a pull request say body, and returns its id for the next time. A known id is edited;
// without one, or when somebody has deleted it, the comment is looked for by its marker, with which body begins, and only
// then made. So it may be called again after any error, an unknown outcome included.
func (c *Client) PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error) {
	if marker == "" || !strings.HasPrefix(body, marker) {
		return 0, fmt.Errorf("commenting on pull request %d: the text does not begin with its marker", number)
	}
	if known != 0 {
		if err := c.EditComment(ctx, known, body); KindOf(err) != NotFound {
			return known, err
		}
	}
	found, ok, err := c.FindComment(ctx, number, marker)
	if err != nil {
		return 0, err
	}
	if !ok {
		return c.CreateComment(ctx, number, body)
	}
	if found.Body == body {
		return found.ID, nil
	}
	return found.ID, c.EditComment(ctx, found.ID, body)
}

// checkBody refuses what GitHub would refuse, without sending a quarter of a megabyte first.
func checkBody(doing, body string) error {
	switch n := forge.Units(body); {
	case n > MaxComment:
		return &Error{Doing: doing, Kind: Invalid, Message: fmt.Sprintf("the text has %d characters, and %d are allowed", n, MaxComment)}
	case strings.TrimSpace(body) == "":
		return &Error{Doing: doing, Kind: Invalid, Message: "the text is empty"}
	}
	return nil
}
