package lifecycle

import (
	"time"

	"sallyport/store"
)

// ReleasesPin reports whether the apply of a run would end a pin.
func ReleasesPin(pin *store.Pin, run *store.Run) bool {
	if pin == nil || run.Options.RefreshOnly || run.Options.Targeted() || run.Options.Inherited || run.Options.Pins() {
		return false
	}
	return run.Options.Destroy || run.Commit != pin.Commit || len(pin.Vars) > 0 || len(pin.Images) > 0
}

// An apply is never cut off: that is what loses state. People are told when one takes unusually long.
const (
	alertAfter  = 15 * time.Minute // nothing shorter is unusual, unless apply_alert says so
	alertFactor = 3                // times the longest of the last
)

// TakesLong reports whether an apply has taken so long that it matters how long the stack's others took.
func TakesLong(f Facts) bool {
	wait, _ := longApply(&f)
	return f.Run.Apply != nil && wait <= 0
}

// longApply is how long an apply may still take until people are told or, if they are to be told now, how long it took.
func longApply(f *Facts) (left, took time.Duration) {
	if f.Run.Apply == nil {
		return 0, 0
	}
	took, known := f.Now.Passed(f.Run.Apply.StartedUp)
	if !known {
		took = f.Now.Wall.Sub(f.Run.Apply.StartedAt)
	}
	limit := max(alertAfter, alertFactor*f.Process.Usual)
	if s := f.Config.Stack; s != nil && s.ApplyAlert > 0 {
		limit = s.ApplyAlert
	}
	if left = limit - took; left > 0 {
		return left, 0
	}
	return 0, took
}
