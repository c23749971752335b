package operator

import (
	"fmt"
	"slices"
	"time"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/journal"
	"sallyport/notify/words"
	"sallyport/store"
)

// Postpone is the error that a pull request waits with when too many plans were begun.
func (o *Operator) Postpone(next *store.PullRequest) error {
	return fmt.Errorf("%s of pull requests were begun within the hour; %s waits", words.Count(maxPreviews, "plan"), words.Short(next.Head))
}

// begunKey keeps when plans of a repository's pull requests were begun.
func begunKey(repository string) store.Key[[]time.Time] {
	return store.Key[[]time.Time]("pulls/begun/" + repository)
}

// MayBegin bounds how many plans are begun in an hour, and counts these.
func (o *Operator) MayBegin(tx *store.Tx, repository string, more int) (bool, error) {
	if more == 0 {
		return true, nil
	}
	key := begunKey(repository)
	begun, _, err := key.Get(tx)
	if err != nil {
		return false, err
	}
	now := o.now().UTC()
	begun = slices.DeleteFunc(begun, func(at time.Time) bool { return now.Sub(at) > time.Hour || at.After(now) })
	if len(begun) > 0 && len(begun)+more > maxPreviews {
		return false, nil
	}
	for range more {
		begun = append(begun, now)
	}
	return true, key.Put(tx, begun)
}

// Preview makes the run of one stack at the head that was checked.
func (o *Operator) Preview(tx *journal.Tx, conf *active.Config, p *store.PullRequest, s *config.Stack, by string) error {
	says := conf.Words(p.Repository)
	run := &store.Run{
		Stack: s.Name, Repository: p.Repository, Kind: store.KindPullRequest, Commit: p.Head, Head: p.Head,
		PullRequest: p.Number, Reason: fmt.Sprintf("%s: %s", says.Plain(p.Number), p.Title), RequestedBy: by,
	}
	if says.Change != "" {
		run.Change = says.Plain(p.Number)
	}
	if err := o.ledger.Create(tx, conf, run); err != nil {
		return err
	}
	p.Runs[s.Name] = run.ID
	return nil
}
