// Package lockowner says whose a state lock is that a plan has met. Pure.
package lockowner

import (
	"strconv"
	"strings"
	"time"

	"sallyport/agent/terraform/diag"
	"sallyport/store"
)

// skew is how far a lock's time may lie outside the time of the run that took it: clocks are set, and between terraform's first word
// and the lock lies the preparing of the backend.
const skew = 10 * time.Second

// Of finds out whether a lock of a stack is of a process of ours, and of which. It is only if everything fits: the user and the
// machine, the operation, and the time. Otherwise nobody may be told to unlock it before they asked its owner; what is returned then
// is what is most likely, the newest apply whose end nobody saw or else the newest plan. self is who we are to terraform.
func Of(met *diag.LockInfo, st *store.StackState, self string) (holder store.Holder, of store.Unseen) {
	holder = store.HolderOther
	if met.Who == "" {
		holder = store.HolderUnknown
	}
	for _, u := range st.Unseen {
		if of.Run == 0 || u.Apply || !of.Apply {
			of = u
		}
	}
	for _, u := range st.Unseen {
		if holder != store.HolderUnknown && fits(u, met) {
			holder, of = store.HolderOurs, u
		}
	}
	if of.Run == 0 && st.LeftLock != nil {
		of = store.Unseen{Run: st.LeftLock.Run, Apply: st.LeftLock.Apply, Who: self}
	}
	return holder, of
}

// fits reports whether a lock may be that of a terraform whose end nobody saw.
func fits(u store.Unseen, met *diag.LockInfo) bool {
	operation := diag.OperationPlan
	if u.Apply {
		operation = diag.OperationApply
	}
	// Terraform itself leaves the name out where it cannot find it (users of LDAP and the like).
	who := met.Who == u.Who || NumberOf(met.Who, u.Who) || strings.HasPrefix(met.Who, "@") && strings.HasSuffix(u.Who, met.Who)
	since := met.Since()
	return who && met.Operation == operation && !since.IsZero() && !since.Before(u.From.Add(-skew)) && !since.After(u.Until.Add(skew))
}

// NumberOf reports whether a lock's owner is one of the numbered users of another: sallyport-tf2@node of sallyport-tf@node.
func NumberOf(owner, of string) bool {
	name, host, found := strings.Cut(of, "@")
	number, ours := strings.CutPrefix(owner, name)
	number, same := strings.CutSuffix(number, "@"+host)
	_, err := strconv.Atoi(number)
	return found && ours && same && err == nil
}
