package agent

import (
	"sallyport/agent/health"
)

// part is a part of the loop's pass that is not about one run. It shows its errors as one of the store's, as they most often
// are, and its panics under its own name.
func (a *Agent) part(name string, f func() error) {
	err := a.health.Contained(health.Work{Name: name, Watches: true}, f)
	struck := health.AsStruck(err)
	if struck == nil {
		a.faults.Set(name, nil)
		if err != nil {
			a.journal.StoreFault(err)
		}
		return
	}
	a.faults.Set(name, struck)
}
