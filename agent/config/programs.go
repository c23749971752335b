package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"sallyport/agent/config/trusted"
)

// CheckPrograms refuses programs of the configuration that are looked up in PATH and that others can replace. It is
// apart from [Load]: the PATH of the person who runs check is not the agent's.
func (c *Config) CheckPrograms(path string) error {
	wanted := map[string]bool{}
	hooks := []*Hooks{c.Hooks}
	for _, s := range c.Stacks {
		hooks = append(hooks, s.Hooks)
		wanted[c.programOf(s)] = true
	}
	for _, g := range c.StackGlobs {
		hooks = append(hooks, g.Stack.Hooks)
		wanted[c.programOf(&g.Stack)] = true
	}
	for _, h := range hooks {
		if h == nil {
			continue
		}
		for _, command := range [][]string{h.BeforePlan, h.AfterPlan, h.BeforeApply, h.AfterApply} {
			if len(command) > 0 {
				wanted[command[0]] = true
			}
		}
	}
	if c.Backup != nil && len(c.Backup.Command) > 0 {
		wanted[c.Backup.Command[0]] = true
	}
	for _, r := range c.Notify {
		if len(r.Command) > 0 {
			wanted[r.Command[0]] = true
		}
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if at := trusted.LookUp(name, path); at != "" {
			if err := trusted.Check(at); err != nil {
				errs = append(errs, fmt.Errorf("%s from PATH: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// programOf is the name by which the program of a stack is looked up in PATH; empty if it is not.
func (c *Config) programOf(s *Stack) string {
	switch {
	case s.Engine == EnginePacker && c.Packer.Binary == "":
		return "packer"
	case s.Engine == EnginePacker || s.Tool.Binary != "" || s.Tool.Version != "":
		return ""
	}
	return s.Tool.Name()
}
