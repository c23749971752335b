package triggers

import (
	"context"

	"sallyport/agent/active"
	"sallyport/agent/health"
)

// LookingFault is the source of the problem that a repository's newest commit cannot be compared with its stacks.
func LookingFault(repository string) string {
	return "repository " + repository + ": looking for changed stacks"
}

// Look compares every repository's newest commit with its stacks, and makes the runs that are due. What fails is shown, and looked at
// again at the next pass; it holds up no other repository.
func (t *Triggers) Look(ctx context.Context, conf *active.Config) {
	for _, r := range conf.Cfg.Repositories {
		err := t.health.Contained(health.Work{Name: "looking for changed stacks of " + r.Name, At: t.ledger.HeadOf(r.Name)}, func() error {
			if err := t.Discover(ctx, conf, r); err != nil {
				return err
			}
			return t.Dependencies(conf, r)
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.journal.LookAgain()
		}
		if t.faults.Set(LookingFault(r.Name), err) && err != nil {
			t.log.Error("looking for changed stacks", "repository", r.Name, "err", err)
		}
		t.ShowGlobFaults(conf, r.Name)
	}
	t.keepSeen(conf.AllStacks())
}
