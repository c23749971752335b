package wire

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"sallyport/notify/forge"
)

// Comments are how a site keeps the comments of a change.
type Comments interface {
	// SelfID is the account that we comment as.
	SelfID(ctx context.Context) (int64, error)
	// EachComment calls like with each comment, oldest first, until that finds one.
	EachComment(ctx context.Context, number int, like func(forge.Comment) bool) (bool, error)
	CreateComment(ctx context.Context, number int, body string) (id int64, err error)
	EditComment(ctx context.Context, number int, id int64, body string) error
}

// Put is the one comment of a change.
type Put struct {
	Site   string
	Doing  string // default: commenting on its number
	Number int
	Known  int64  // its id, if it is known
	Marker string // that it begins with
	Body   string
	Most   int // characters that the site takes
}

// PutComment makes the one comment of a change say Body, and returns its id for the next time. A known id is edited; without one, or
// when somebody has deleted it, the comment is looked for by ourselves and by its marker, because anybody can write a marker or
// quote one, and only then made. If a lost answer led to several, the oldest counts. So it may be called again after any error, an
// unknown outcome included.
func PutComment(ctx context.Context, c Comments, p Put) (id int64, err error) {
	doing := cmp.Or(p.Doing, fmt.Sprintf("commenting on %d", p.Number))
	if p.Marker == "" || !strings.HasPrefix(p.Body, p.Marker) {
		return 0, fmt.Errorf("%s: the text does not begin with its marker", doing)
	}
	if n := forge.Units(p.Body); n > p.Most {
		return 0, Refused(p.Site, doing, "the text has %d characters, and %d are allowed", n, p.Most)
	}
	if p.Known != 0 {
		if err := c.EditComment(ctx, p.Number, p.Known, p.Body); KindOf(err) != NotFound {
			return p.Known, err
		}
	}
	self, err := c.SelfID(ctx)
	if err != nil {
		return 0, err
	}
	var found forge.Comment
	ok, err := c.EachComment(ctx, p.Number, func(one forge.Comment) bool {
		if self == 0 || one.Author.ID != self || !strings.HasPrefix(one.Body, p.Marker) {
			return false
		}
		found = one
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case !ok:
		return c.CreateComment(ctx, p.Number, p.Body)
	case found.Body == p.Body:
		return found.ID, nil
	}
	return found.ID, c.EditComment(ctx, p.Number, found.ID, p.Body)
}
