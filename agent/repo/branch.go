package repo

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/notify/words"
)

// minPrefix is how many digits of a commit a person has to give.
const minPrefix = 6

const finding = "looking for a commit of"

// OnBranch finds the commit with a hash, or the beginning of one, in the history of a head. It reads at most 20,000
// commits. Its errors are for people.
func (r *Repository) OnBranch(ctx context.Context, prefix, head string) (string, error) {
	if len(prefix) < minPrefix || strings.Trim(prefix, "0123456789abcdef") != "" {
		return "", r.fail(finding, hint.With(fmt.Errorf("%q is not a commit", prefix), "a commit is its hash, or at least the first %d digits of it", minPrefix))
	}
	h, tip, err := r.open(head)
	if err != nil {
		return "", r.fail(finding, err)
	}
	defer r.release(h)
	found, err := graph{r, h}.withPrefix(ctx, tip, prefix)
	if err != nil {
		return "", r.fail(finding, err)
	}
	switch len(found) {
	case 0:
		return "", r.fail(finding, hint.With(fmt.Errorf("%w: %s is not on the branch %s", odb.ErrUnknownCommit, prefix, r.branch().Short()),
			"only commits of the branch can be planned; git log shows them"))
	case 1:
		return found[0], nil
	}
	return "", r.fail(finding, hint.With(fmt.Errorf("%s of the branch begin with %s", words.Count(len(found), "commit"), prefix), "give more digits"))
}

func (g graph) withPrefix(ctx context.Context, tip *object.Commit, prefix string) ([]string, error) {
	w := newDateWalk()
	w.push(tip)
	var found []string
	for n := 0; w.Len() > 0; n++ {
		if n >= maxWalk { // one more may begin like this
			return nil, hint.With(fmt.Errorf("%s was not found, or not as the only one, within %d commits", prefix, maxWalk), "give the whole hash of a newer commit")
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c := w.pop()
		if hash := c.Hash.String(); strings.HasPrefix(hash, prefix) {
			found = append(found, hash)
			if len(prefix) == len(hash) {
				break
			}
		}
		for _, p := range c.ParentHashes {
			if w.seen[p] {
				continue
			}
			parent, err := g.parent(p)
			if err != nil {
				return nil, err
			}
			w.push(parent)
		}
	}
	return found, nil
}
