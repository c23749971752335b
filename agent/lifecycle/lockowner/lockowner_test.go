package lockowner_test

import (
	"testing"
	"time"

	"sallyport/agent/lifecycle/lockowner"
	"sallyport/agent/terraform/diag"
	"sallyport/store"
)

const self = "sallyport-tf@node"

// A state lock of one of the numbered users is ours; what only looks alike is not.
func TestNumberOf(t *testing.T) {
	for owner, want := range map[string]bool{
		"sallyport-tf2@node": true, "sallyport-tf12@node": true, "sallyport-tf@node": false, "sallyport-tf2@other": false,
		"sallyport-tfx@node": false, "tf2@node": false, "joe2@node": false, "": false, "sallyport-tf2": false,
	} {
		if got := lockowner.NumberOf(owner, self); got != want {
			t.Errorf("%q is one of ours: %t", owner, got)
		}
	}
}

// A lock is ours only if who, what and when all fit a terraform whose end nobody saw.
func TestWhoseALockIs(t *testing.T) {
	noon := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	apply := store.Unseen{Run: 7, Apply: true, Who: self, From: noon, Until: noon.Add(time.Hour)}
	plan := store.Unseen{Run: 8, Who: self, From: noon.Add(2 * time.Hour), Until: noon.Add(3 * time.Hour)}
	lock := func(who, operation string, at time.Time) *diag.LockInfo {
		return &diag.LockInfo{Who: who, Operation: operation, Created: at.Format("2006-01-02 15:04:05.999999999 -0700 MST")}
	}
	for name, c := range map[string]struct {
		met    *diag.LockInfo
		unseen []store.Unseen
		left   *store.LeftLock
		holder store.Holder
		run    int
	}{
		"of an apply, in its time":                {lock(self, diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{apply, plan}, nil, store.HolderOurs, 7},
		"of a plan, in its time":                  {lock(self, diag.OperationPlan, noon.Add(150*time.Minute)), []store.Unseen{apply, plan}, nil, store.HolderOurs, 8},
		"of a numbered user":                      {lock("sallyport-tf3@node", diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{apply}, nil, store.HolderOurs, 7},
		"of a user whose name terraform left out": {lock("@node", diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{apply}, nil, store.HolderOurs, 7},
		"a moment before":                         {lock(self, diag.OperationApply, noon.Add(-5*time.Second)), []store.Unseen{apply}, nil, store.HolderOurs, 7},
		"long before":                             {lock(self, diag.OperationApply, noon.Add(-time.Minute)), []store.Unseen{apply}, nil, store.HolderOther, 7},
		"after its end":                           {lock(self, diag.OperationApply, noon.Add(2*time.Hour)), []store.Unseen{apply}, nil, store.HolderOther, 7},
		"of another operation":                    {lock(self, diag.OperationPlan, noon.Add(time.Minute)), []store.Unseen{apply}, nil, store.HolderOther, 7},
		"of another machine":                      {lock("sallyport-tf@other", diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{apply}, nil, store.HolderOther, 7},
		"of a person":                             {lock("jane@laptop", diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{plan, apply}, nil, store.HolderOther, 7},
		"of nobody that is known":                 {lock("", diag.OperationApply, noon.Add(time.Minute)), []store.Unseen{apply}, nil, store.HolderUnknown, 7},
		"of a time that cannot be read":           {&diag.LockInfo{Who: self, Operation: diag.OperationApply, Created: "noon"}, []store.Unseen{apply}, nil, store.HolderOther, 7},
		"met before":                              {lock("jane@laptop", diag.OperationPlan, noon), nil, &store.LeftLock{Run: 5, Apply: true}, store.HolderOther, 5},
		"of which nothing is known":               {lock("jane@laptop", diag.OperationPlan, noon), nil, nil, store.HolderOther, 0},
	} {
		t.Run(name, func(t *testing.T) {
			holder, of := lockowner.Of(c.met, &store.StackState{Unseen: c.unseen, LeftLock: c.left}, self)
			if holder != c.holder || of.Run != c.run {
				t.Errorf("it is %s, of #%d; want %s, #%d", holder, of.Run, c.holder, c.run)
			}
		})
	}
}
