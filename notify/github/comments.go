package github

import (
	"context"
	"fmt"
	"strings"
	"time"

	githubapi "github.com/google/go-github/v92/github"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
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

// comments are GitHub's, for [wire.PutComment].
type comments struct{ *Client }

// SelfID is the account that we comment as.
func (c comments) SelfID(ctx context.Context) (int64, error) {
	self, err := c.Self(ctx)
	return self.ID, err
}

// EachComment calls like with each comment, oldest first, until that finds one.
func (c comments) EachComment(ctx context.Context, number int, like func(Comment) bool) (bool, error) {
	return c.eachComment(ctx, number, time.Time{}, like)
}

// EditComment changes a comment. Doing it twice does no harm.
func (c comments) EditComment(ctx context.Context, _ int, id int64, body string) error {
	return c.Client.EditComment(ctx, id, body)
}

// CreateComment comments on a pull request. It is not idempotent: see [Client.PutComment].
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

// PutComment makes the one comment of a pull request say body, and returns its id for the next time: see [wire.PutComment].
func (c *Client) PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error) {
	return wire.PutComment(ctx, comments{c}, wire.Put{Site: "github", Doing: fmt.Sprintf("commenting on pull request %d", number),
		Number: number, Known: known, Marker: marker, Body: body, Most: MaxComment})
}

// checkBody refuses what GitHub would refuse, without sending a quarter of a megabyte first.
func checkBody(doing, body string) error {
	switch n := forge.Units(body); {
	case n > MaxComment:
		return wire.Refused("github", doing, "the text has %d characters, and %d are allowed", n, MaxComment)
	case strings.TrimSpace(body) == "":
		return wire.Refused("github", doing, "the text is empty")
	}
	return nil
}
