package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	gitlabapi "gitlab.com/gitlab-org/api/client-go/v2"

	"sallyport/notify/exchange"
	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

// maxComment is the most that is sent as a note, in characters. GitLab takes a million, and shows a long one slowly.
const maxComment = 250_000

// MaxComment is how long a comment may be, in the characters of [forge.Units].
func (c *Client) MaxComment() int { return maxComment }

// botLogin is what GitLab calls the accounts of project and group tokens.
var botLogin = regexp.MustCompile(`^(?:project|group)_[0-9]+_bot`)

// notes are GitLab's comments. They are [wire.Comments].
type notes struct{ *link }

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func commentOf(n *gitlabapi.Note) forge.Comment {
	login := redact.CleanLine(n.Author.Username)
	return forge.Comment{ID: n.ID, Body: redact.Clean(n.Body), Author: forge.User{ID: n.Author.ID, Login: login, Bot: botLogin.MatchString(login)},
		CreatedAt: timeOf(n.CreatedAt), UpdatedAt: timeOf(n.UpdatedAt)}
}

// Comments are what people wrote on a merge request or edited at or after a time, oldest first; the zero time gives all. What GitLab
// writes itself, and comments on lines of the diff, are not among them. Maintainers may edit what others wrote: such a
// comment is [forge.Comment.Edited], its author is still who wrote it first.
func (c *Client) Comments(ctx context.Context, number int, since time.Time) ([]forge.Comment, error) {
	var out []forge.Comment
	doing := fmt.Sprintf("reading the comments of merge request %d", number)
	_, err := notes{c.link}.eachNote(ctx, doing, number, order{by: "updated_at", sort: "desc"}, func(n *gitlabapi.Note) bool {
		if timeOf(n.UpdatedAt).Before(since.Truncate(time.Second)) {
			return true
		}
		if !n.System && n.Type != gitlabapi.DiffNote {
			out = append(out, commentOf(n))
		}
		return false
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b forge.Comment) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// order is how a list is sorted.
type order struct{ by, sort string }

func (c notes) eachNote(ctx context.Context, doing string, number int, o order, like func(*gitlabapi.Note) bool) (bool, error) {
	id, err := c.id(ctx)
	if err != nil {
		return false, err
	}
	return c.each(ctx, doing, perPage, func(options ...gitlabapi.RequestOptionFunc) (*gitlabapi.Response, int, bool, error) {
		list, resp, err := c.api.Notes.ListMergeRequestNotes(id, int64(number), &gitlabapi.ListMergeRequestNotesOptions{
			ListOptions: gitlabapi.ListOptions{PerPage: perPage}, OrderBy: &o.by, Sort: &o.sort,
		}, options...)
		return resp, len(list), err == nil && slices.ContainsFunc(list, like), err
	})
}

// EachComment calls like with each comment, oldest first, until that finds one.
func (c notes) EachComment(ctx context.Context, number int, like func(forge.Comment) bool) (bool, error) {
	doing := fmt.Sprintf("looking for our comment on merge request %d", number)
	return c.eachNote(ctx, doing, number, order{by: "created_at", sort: "asc"}, func(n *gitlabapi.Note) bool {
		return !n.System && like(commentOf(n))
	})
}

// CreateComment comments on a merge request. It is not idempotent: see [Client.PutComment].
func (c notes) CreateComment(ctx context.Context, number int, body string) (int64, error) {
	return c.writeNote(ctx, fmt.Sprintf("commenting on merge request %d", number), func(ctx context.Context, project int64) (*gitlabapi.Note, error) {
		n, _, err := c.api.Notes.CreateMergeRequestNote(project, int64(number), &gitlabapi.CreateMergeRequestNoteOptions{Body: &body}, gitlabapi.WithContext(ctx))
		return n, err
	})
}

// EditComment changes a comment. Doing it twice does no harm.
func (c notes) EditComment(ctx context.Context, number int, note int64, body string) error {
	_, err := c.writeNote(ctx, fmt.Sprintf("editing a comment of merge request %d", number), func(ctx context.Context, project int64) (*gitlabapi.Note, error) {
		n, _, err := c.api.Notes.UpdateMergeRequestNote(project, int64(number), note, &gitlabapi.UpdateMergeRequestNoteOptions{Body: &body}, gitlabapi.WithContext(ctx))
		return n, err
	})
	return err
}

func (c notes) writeNote(ctx context.Context, doing string, write func(context.Context, int64) (*gitlabapi.Note, error)) (int64, error) {
	id, err := c.id(ctx)
	if err != nil {
		return 0, err
	}
	var note *gitlabapi.Note
	var x *exchange.Exchange
	if x, err = c.run(ctx, wire.Call{Doing: doing, Effect: wire.Writes, Do: func(ctx context.Context) (err error) {
		note, err = write(ctx, id)
		return err
	}}); err != nil {
		return 0, err
	}
	if note == nil || note.ID <= 0 {
		e := wire.Odd(site, doing, fmt.Sprintf("it names no comment (%d)", x.Status))
		e.Unknown = true
		return 0, e
	}
	return note.ID, nil
}

// PutComment makes the one comment of a merge request say body: see [wire.PutComment].
func (c *Client) PutComment(ctx context.Context, number int, known int64, marker, body string) (id int64, err error) {
	return wire.PutComment(ctx, notes{c.link}, wire.Put{Site: site, Doing: fmt.Sprintf("commenting on merge request %d", number), Number: number, Known: known, Marker: marker, Body: harmless(body), Most: maxComment})
}

// harmless puts a blank before each line that begins with a slash. GitLab carries out such a line (/merge, /approve, /close) as whoever
// wrote the note, and which parts of a text it leaves alone has changed from version to version: a plan's text has lines of strangers.
func harmless(body string) string {
	if !strings.Contains(body, "\n/") && !strings.HasPrefix(body, "/") {
		return body
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "/") {
			lines[i] = " " + line
		}
	}
	return strings.Join(lines, "\n")
}
