// Package policy is auto_apply: whether a plan is applied without a person, and how often on one day. Whatever it does not know
// leaves a plan to people. Pure.
package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/agent/clock"
	"sallyport/agent/config"
	"sallyport/notify/words"
	"sallyport/store"
)

// policyDay is the time in which a policy's applies are counted.
const policyDay = 24 * time.Hour

// Situation is all that a policy decides on. Whatever cannot be told is told so that it asks.
type Situation struct {
	Kind store.Kind
	Plan *store.Plan

	Unread bool // something that it decides on could not be read

	AtApplied   bool // the commit is the one that is applied
	SameInputs  bool // variables, environment, workspace and the tool's configuration are those that were applied
	SameTools   bool // so are terraform and the providers
	Interrupted int  // an apply whose end nobody saw, and that no run has made good since; 0 if there is none
	Rewritten   bool // the branch does not descend from what is applied
	Paused      bool // the agent or the stack
	Warned      bool // a hook warns of the plan: it wants people to look
	Special     bool // a person's plan with options: it is not what the repository says
	LeftOut     int  // an apply of some addresses of another commit than the plan's, while that is the applied one; 0 if there is none
	StateLost   bool // something was applied, and there is no state: what is planned may all exist
	Today       int  // applies that policies decided on within a day
}

// AutoApplyRefusal says why a stack's policy leaves a plan to people; empty if it applies the plan by itself. It is the whole of a
// policy, and depends on nothing else.
func AutoApplyRefusal(s *config.Stack, now Situation) string {
	switch {
	case now.Unread:
		return "not all that it decides on is known"
	case now.Plan == nil || now.Plan.Empty:
		return "there is nothing to apply"
	case now.Kind == store.KindRecovery:
		return "this takes over from a run that was not applied as it was planned"
	case now.Kind == store.KindPullRequest:
		return "this is a preview"
	case now.Warned:
		return "a hook warns of this plan"
	case now.Special:
		return "somebody asked for a plan with options"
	case now.Interrupted != 0:
		return fmt.Sprintf("the apply of #%d was interrupted, and somebody has to look first", now.Interrupted)
	case now.LeftOut != 0:
		return fmt.Sprintf("#%d applied a part of another commit since, which this may take back", now.LeftOut)
	case now.Rewritten:
		return "the history of the branch was rewritten"
	case now.Paused:
		return "it is paused"
	case now.Today >= s.AutoApplyLimit:
		return words.OfThem(now.Today, s.AutoApplyLimit, "apply by policy is", "applies by policy are") + " used up within 24 hours (auto_apply_limit)"
	case now.StateLost:
		return "it was applied before and has no state now"
	}
	for _, c := range now.Plan.Changes {
		switch {
		case c.Unknown:
			return fmt.Sprintf("the plan has something that sallyport does not know: %s (%s)", c.Address, strings.Join(c.Actions, ", "))
		case c.Protected:
			return fmt.Sprintf("%s is protected", c.Address)
		}
	}
	switch s.AutoApply {
	case config.PolicyAlways:
		return ""
	case config.PolicyNoDestroy:
		for _, c := range now.Plan.Changes {
			switch {
			case c.Destroys() || c.Forgets():
				return fmt.Sprintf("%s is destroyed, replaced or forgotten", c.Address)
			case c.Invokes():
				return fmt.Sprintf("%s is invoked, and nobody can tell what it does", c.Address)
			}
		}
		return ""
	case config.PolicyRecreate:
		return notOnlyRecreated(s, now)
	}
	return "auto_apply is never"
}

// notOnlyRecreated says what in a plan is more than bringing back what disappeared.
func notOnlyRecreated(s *config.Stack, now Situation) string {
	switch {
	case !now.AtApplied:
		return "this is another commit than the one that is applied"
	case !now.SameInputs:
		return "variables, environment or tool changed in the configuration since it was applied"
	case !now.SameTools:
		return "terraform or a provider is another one than it was applied with"
	}
	if len(now.Plan.Deferred) > 0 {
		return "it leaves a part of the change to another plan"
	}
	recreated := 0
	destroys := now.Plan.Destroys()
	for _, c := range now.Plan.Changes {
		follows := len(c.Follows) > 0
		switch {
		case c.Class == store.ClassRecreate && slices.Equal(c.Actions, []string{"create"}):
			recreated++
		case follows && slices.Equal(c.Actions, []string{"update"}):
			if destroys {
				return fmt.Sprintf("%s changes, in a plan that also destroys", c.Address)
			}
		case follows && len(c.Actions) == 2 && c.Destroys() && slices.Contains(s.RecreateAlso, c.Type):
		case c.Destroys() || c.Forgets():
			return fmt.Sprintf("%s is destroyed, replaced or forgotten", c.Address)
		case c.Invokes():
			return fmt.Sprintf("%s is invoked, and nobody can tell what it does", c.Address)
		default:
			return fmt.Sprintf("%s changes, and nothing shows that a recreated object is the only cause", c.Address)
		}
	}
	for _, o := range now.Plan.Outputs {
		if !o.Later {
			return fmt.Sprintf("the output %s changes, and not because of a recreated object", o.Name)
		}
	}
	if recreated == 0 {
		return "nothing disappeared"
	}
	return ""
}

// CountAutoApply notes in a stack's state that the apply of a run begins on a policy's word, and forgets applies of before
// yesterday.
func CountAutoApply(st *store.StackState, run *store.Run, now clock.Reading) {
	if run.Policy() == "" {
		return
	}
	st.AutoApplied = slices.DeleteFunc(st.AutoApplied, func(applied store.AutoApply) bool {
		up, known := now.Passed(applied.Up)
		return now.Wall.Sub(applied.At) > 2*policyDay && !(known && up < policyDay)
	})
	st.AutoApplied = append(st.AutoApplied, store.AutoApply{Run: run.ID, At: now.Wall.UTC(), Up: now.Up})
}

// AppliedToday counts the applies by policy of the last day, by either clock: one that jumps ahead must not give more,
// and one that was ahead by years and is put right must not take them away for those years.
func AppliedToday(st *store.StackState, now clock.Reading) int {
	n := 0
	for _, applied := range st.AutoApplied {
		up, known := now.Passed(applied.Up)
		age := now.Wall.Sub(applied.At)
		if known && up < policyDay || age >= -clock.Doubt && age < policyDay {
			n++
		}
	}
	return n
}
