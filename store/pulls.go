package store

import (
	"fmt"
	"slices"
	"time"
)

// A PullRequest is what is remembered of an open pull request, from when its head was first checked until it is closed.
type PullRequest struct {
	Repository string `json:"repository"`
	Number     int    `json:"number"`
	Title      string `json:"title,omitempty"`  // whatever its author wrote, cleaned
	Author     string `json:"author,omitempty"` // login
	URL        string `json:"url,omitempty"`
	Branch     string `json:"branch,omitempty"` // whose head it is
	Head       string `json:"head"`             // that was checked; its runs are at this commit and no other
	Why        string `json:"why,omitempty"`    // why nothing of it is planned; empty if it is trusted

	Runs      map[string]int    `json:"runs,omitempty"`     // by stack
	Held      map[string]string `json:"held,omitempty"`     // by stack: why it is planned only when an approver says so
	Released  map[string]string `json:"released,omitempty"` // by stack: who said so, of this head
	Settled   map[string]string `json:"settled,omitempty"`  // by stack: why nothing of it is to be planned though it is touched
	Untouched int               `json:"untouched,omitempty"`
	Notes     []string          `json:"notes,omitempty"` // for the comment

	Comment   int64     `json:"comment,omitempty"`   // id of ours
	Commented string    `json:"commented,omitempty"` // digest of what it says
	UpdatedAt time.Time `json:"updated_at,omitzero"` // by the site's clock, when it was looked at last
	CheckedAt time.Time `json:"checked_at,omitzero"` // likewise, when this head was first seen
}

// Settle notes why nothing of a stack is to be planned though the pull request touches it, for its status and the comment.
func (p *PullRequest) Settle(stack, why string) {
	if p.Settled == nil {
		p.Settled = map[string]string{}
	}
	p.Settled[stack] = why
	p.Notes = append(p.Notes, stack+": "+why)
}

func pullsKey(repository string) Key[[]int] { return Key[[]int]("pulls/" + repository) }

func pullKey(repository string, number int) Key[*PullRequest] {
	return Key[*PullRequest](fmt.Sprintf("pull/%s/%d", repository, number))
}

// PullRequests are the open pull requests of a repository, oldest first.
func (tx *Tx) PullRequests(repository string) ([]*PullRequest, error) {
	numbers, _, err := pullsKey(repository).Get(tx)
	if err != nil {
		return nil, err
	}
	var out []*PullRequest
	for _, n := range numbers {
		p, err := tx.PullRequest(repository, n)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// PullRequest is one open pull request; nil if it is not known.
func (tx *Tx) PullRequest(repository string, number int) (*PullRequest, error) {
	p, found, err := pullKey(repository, number).Get(tx)
	if err != nil || !found {
		return nil, err
	}
	return p, nil
}

// PutPullRequest stores what is remembered of an open pull request.
func (tx *Tx) PutPullRequest(p *PullRequest) error {
	numbers, _, err := pullsKey(p.Repository).Get(tx)
	if err != nil {
		return err
	}
	if at, known := slices.BinarySearch(numbers, p.Number); !known {
		if err := pullsKey(p.Repository).Put(tx, slices.Insert(numbers, at, p.Number)); err != nil {
			return err
		}
	}
	return pullKey(p.Repository, p.Number).Put(tx, p)
}

// DeletePullRequest forgets a pull request that was closed. One that is gone already is no error.
func (tx *Tx) DeletePullRequest(repository string, number int) error {
	numbers, _, err := pullsKey(repository).Get(tx)
	if err != nil {
		return err
	}
	if at, known := slices.BinarySearch(numbers, number); known {
		if err := pullsKey(repository).Put(tx, slices.Delete(numbers, at, at+1)); err != nil {
			return err
		}
	}
	return pullKey(repository, number).Forget(tx)
}
