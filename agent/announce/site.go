package announce

import (
	"fmt"

	"sallyport/store"
)

// Publish has the site that hosts a run's repository told how the run's commit stands. One key is one commit and stack, so
// that many changes in a row are one request; what it says is read when it is sent.
func (ms *Messages) Publish(tx *store.Tx, run *store.Run) error {
	if ms.active.Current.Load().Sites[run.Repository] == nil {
		return nil
	}
	if run.Options.Targeted() {
		return nil // of its commit it says nothing: what was said of that before stays true
	}
	if run.Kind == store.KindPullRequest {
		// A head that came onto the branch as it is has runs that say more than the preview does.
		if newest, err := NewestOf(tx, run.Stack); err != nil || newest != nil && newest.Commit == run.Commit {
			return err
		}
	}
	return tx.Enqueue(store.Message{
		Kind: store.MessageStatus, Key: StatusKey(run.Repository, run.Commit, run.Stack), Run: run.ID,
		Repository: run.Repository, Commit: run.Commit, Stack: run.Stack,
	})
}

// StatusKey is the key of the message that tells a site how a commit stands in a stack.
func StatusKey(repository, commit, stack string) string {
	return fmt.Sprintf("status/%s/%s/%s", repository, commit, stack)
}

// NewestOf is a stack's newest run that can apply; nil if there is none, or it is no longer kept.
func NewestOf(tx *store.Tx, stack string) (*store.Run, error) {
	st, err := tx.Stack(stack)
	if err != nil || st.NewestRun == 0 {
		return nil, err
	}
	return store.Found(tx.Run(st.NewestRun))
}
