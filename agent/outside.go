package agent

import (
	"sallyport/agent/active"
	"sallyport/agent/engine"
	"sallyport/agent/journal"
	"sallyport/agent/rescue"
	"sallyport/agent/runner"
	"sallyport/store"
)

// Outside is what the agent reaches beyond its own process. The zero value is the real world; package sim plays all of it, on a
// clock of its own.
type Outside struct {
	active.Outside // git, Slack, and which terraform there is

	Terraform engine.Terraform // default: terraform
	Runner    runner.Spawner   // default: a process of its own, of Options.Executable
	// Checker looks at stores. Default: a process of Options.Executable.
	Checker rescue.Checker
	// Records is what is written of an open store. Default: the store itself.
	Records func(*store.Store) journal.Store
}

func (o *Options) completeOutside() {
	if o.Outside.Checker == nil {
		o.Outside.Checker = rescue.Child{Executable: o.Executable}
	}
	if o.Outside.Records == nil {
		o.Outside.Records = func(s *store.Store) journal.Store { return s }
	}
}
