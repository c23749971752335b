package ledger

import (
	"slices"

	"sallyport/store"
)

// freshChecks reports whether a check is among them that did not fail before, or not for this reason.
func freshChecks(before, now []store.FailedCheck) bool {
	return slices.ContainsFunc(now, func(c store.FailedCheck) bool {
		return !slices.ContainsFunc(before, func(b store.FailedCheck) bool {
			return b.Address == c.Address && b.Status == c.Status && slices.Equal(b.Problems, c.Problems)
		})
	})
}

// TakeChecks notes in a stack's state which checks do not hold now, and reports whether that is news.
func TakeChecks(st *store.StackState, now []store.FailedCheck) (news bool) {
	news = freshChecks(st.Checks, now)
	st.Checks = now
	return news
}
