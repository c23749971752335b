package lifecycle

import (
	"sallyport/store"
)

// Grown is how many objects more a state holds after a plan was applied. What had vanished was still in it.
func Grown(p *store.Plan) int {
	n := 0
	for _, c := range p.Changes {
		for _, action := range c.Actions {
			switch {
			case action == "create" && c.Class != store.ClassRecreate, action == "import":
				n++
			case action == "delete", action == "forget":
				n--
			}
		}
	}
	return n
}

// ReleasesPin reports whether the apply of a run would end a pin.
func ReleasesPin(pin *store.Pin, run *store.Run) bool {
	if pin == nil || run.Options.RefreshOnly || run.Options.Inherited || run.Options.Pins() {
		return false
	}
	return run.Options.Destroy || run.Commit != pin.Commit || len(pin.Vars) > 0 || len(pin.Images) > 0
}
