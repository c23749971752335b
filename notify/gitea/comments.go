package gitea

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// MaxComment is the most that is sent as a comment, in UTF-16 units. Gitea takes any; browsers and people do not.
const MaxComment = 65536

// MaxComment is [MaxComment].
func (c *Client) MaxComment() int { return MaxComment }

func commentOf(c *sdk.Comment) forge.Comment {
	return forge.Comment{ID: c.ID, Body: redact.Clean(c.Body), URL: redact.CleanLine(c.HTMLURL), Author: userOf(c.Poster),
		CreatedAt: c.Created.UTC(), UpdatedAt: c.Updated.UTC()}
}

// maxReadings is how often comments are read until none of them is too young to be judged.
const maxReadings = 4

// Comments are what people wrote into a pull request at or after a time, oldest first; the zero time gives all. Comments on lines of its diff
// are not among them.
//
// Whether one was edited only its times tell, and they have whole seconds. So while there is one that was made within the last two
// seconds, all are read again a little later, and one that says something else by then counts as edited.
func (c *Client) Comments(ctx context.Context, number int, since time.Time) ([]forge.Comment, error) {
	doing := fmt.Sprintf("reading the comments of pull request %d", number)
	first := map[int64]string{} // what each said when it was seen first
	for range maxReadings {
		list, now, err := c.readComments(ctx, number, since)
		if err != nil {
			return nil, err
		}
		young := time.Duration(0)
		for i, one := range list {
			if body, seen := first[one.ID]; !seen {
				first[one.ID] = one.Body
			} else if body != one.Body && !one.Edited() {
				list[i].UpdatedAt = one.UpdatedAt.Add(time.Nanosecond)
			}
			young = max(young, settle-now.Sub(one.CreatedAt))
		}
		if young <= 0 {
			return list, nil
		}
		if err := c.opts.Wait(ctx, min(young, settle+time.Second)); err != nil {
			return nil, &wire.Error{Site: site, Doing: doing, Kind: wire.Stopped, Err: err}
		}
	}
	return nil, odd(doing, "comments come faster than they can be read")
}

// readComments reads them once, with what the server's clock said. The list has no pages.
func (c *Client) readComments(ctx context.Context, number int, since time.Time) (out []forge.Comment, now time.Time, err error) {
	o := sdk.ListIssueCommentOptions{}
	if !since.IsZero() {
		o.Since = since.UTC().Truncate(time.Second)
	}
	doing := fmt.Sprintf("reading the comments of pull request %d", number)
	x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) error {
		list, _, err := api.ListIssueComments(c.opts.owner, c.opts.name, int64(number), o)
		for _, one := range list {
			if one != nil {
				out = append(out, commentOf(one))
			}
		}
		return err
	}})
	if err != nil {
		return nil, time.Time{}, err
	}
	if total, known := totalOf(x); known && total > len(out) { // a server that cuts it after all
		return nil, time.Time{}, odd(doing, fmt.Sprintf("it has %d of %d", len(out), total))
	}
	slices.SortStableFunc(out, func(a, b forge.Comment) int { return int(a.ID - b.ID) })
	return out, serverTime(x, c.opts.Now), nil
}

// PutComment makes the one comment of a pull request say body, and returns its id for the next time: see [wire.PutComment].
func (c *Client) PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error) {
	return wire.PutComment(ctx, comments{c}, wire.Put{Site: site, Number: number, Known: known, Marker: marker, Body: body, Most: MaxComment})
}

// comments are how the one comment is found, made and changed.
type comments struct{ *Client }

// SelfID implements [wire.Comments].
func (c comments) SelfID(ctx context.Context) (int64, error) {
	self, err := c.Self(ctx)
	return self.ID, err
}

// EachComment implements [wire.Comments].
func (c comments) EachComment(ctx context.Context, number int, like func(forge.Comment) bool) (bool, error) {
	list, _, err := c.readComments(ctx, number, time.Time{})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, like), nil
}

// CreateComment implements [wire.Comments].
func (c comments) CreateComment(ctx context.Context, number int, body string) (id int64, err error) {
	doing := fmt.Sprintf("commenting on pull request %d", number)
	if strings.TrimSpace(body) == "" {
		return 0, wire.Refused(site, doing, "the text is empty")
	}
	_, err = c.run(ctx, call{doing: doing, effect: wire.Writes, do: func(api *sdk.Client) error {
		made, _, err := api.CreateIssueComment(c.opts.owner, c.opts.name, int64(number), sdk.CreateIssueCommentOption{Body: body})
		if made != nil {
			id = made.ID
		}
		return err
	}})
	if err == nil && id <= 0 {
		e := odd(doing, "it names no comment")
		e.Unknown = true
		return 0, e
	}
	return id, err
}

// EditComment implements [wire.Comments]. Doing it twice does no harm.
func (c comments) EditComment(ctx context.Context, _ int, id int64, body string) error {
	_, err := c.run(ctx, call{doing: "editing a comment", effect: wire.Writes, do: func(api *sdk.Client) error {
		_, _, err := api.EditIssueComment(c.opts.owner, c.opts.name, id, sdk.EditIssueCommentOption{Body: body})
		return err
	}})
	return err
}
