package gitea

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	// maxDescription is as much as fits on a line beside a commit. Gitea takes anything.
	maxDescription = 140
	maxContext     = 255
	maxTarget      = 2000
)

var hashPattern = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// SetStatus sets a commit's status of one context. It may be repeated: the newest counts. Each is a row at Gitea, so set it on change
// only. Gitea stores whatever word it is given as a state, and makes a commit of a short hash or a branch's name, so both are
// looked at here.
//
// For a commit that it does not know Gitea says 500 without a word, as for a fault of its own. The commit is asked for then, and
// one that is not there is [wire.Invalid]: after a force push it may never come again.
func (c *Client) SetStatus(ctx context.Context, at forge.Head, s forge.Status) error {
	const doing = "setting a status"
	if !hashPattern.MatchString(at.Commit) {
		return fmt.Errorf("%s: %.80q is no full hash", doing, at.Commit)
	}
	switch s.State {
	case forge.Pending, forge.Success, forge.Failure, forge.Broken:
	default:
		return wire.Refused(site, doing, "%.20q is no state", string(s.State))
	}
	row := sdk.CreateStatusOption{
		State: sdk.StatusState(s.State), Context: forge.Cut(redact.CleanLine(s.Context), maxContext),
		Description: forge.Cut(redact.CleanLine(s.Description), maxDescription), TargetURL: wire.Target(s.TargetURL, maxTarget),
	}
	x, err := c.run(ctx, call{doing: doing, effect: wire.Writes, do: func(api *sdk.Client) error {
		_, _, err := api.CreateStatus(c.opts.owner, c.opts.name, at.Commit, row)
		return err
	}})
	if err == nil || x == nil || x.Status != http.StatusInternalServerError {
		return err
	}
	if _, _, lookErr := c.commitAt(ctx, at.Commit); wire.KindOf(lookErr) == wire.NotFound {
		return wire.Refused(site, doing, "the server does not know the commit %.10s", at.Commit)
	}
	return err
}

// commitAt is one commit of the repository, and what the server's clock says.
func (c *Client) commitAt(ctx context.Context, hash string) (raw *sdk.Commit, now time.Time, err error) {
	const doing = "reading a commit"
	x, err := c.run(ctx, call{doing: doing, do: func(api *sdk.Client) (err error) {
		raw, _, err = api.GetSingleCommit(c.opts.owner, c.opts.name, hash)
		return err
	}})
	if err != nil {
		return nil, time.Time{}, err
	}
	if hashOf(raw) != hash {
		return nil, time.Time{}, odd(doing, "it describes another commit")
	}
	return raw, serverTime(x, c.opts.Now), nil
}

func hashOf(c *sdk.Commit) string {
	if c == nil || c.CommitMeta == nil || !hashPattern.MatchString(c.SHA) {
		return ""
	}
	return c.SHA
}
