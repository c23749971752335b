package commands

import (
	"fmt"

	"sallyport/agent/active"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// pause holds a stack, or the agent when stack is empty, and says what is in the place of which pause.
func (cs *Commands) pause(stack, reason, by string) (string, error) {
	before, _, err := cs.held(stack)
	if err != nil {
		return "", err
	}
	if err := cs.operator.Pause(stack, reason, by); err != nil {
		return "", err
	}
	what, resume := "everything", "sallyport resume"
	if stack != "" {
		what, resume = stack, resume+" "+stack
	}
	text := fmt.Sprintf("Paused %s (by %s). Approvals still count, nothing runs while it is paused. To go on: %s", what, by, resume)
	if run, err := cs.lookedAt(stack); err == nil && run != 0 { // it is paused, whatever is known beside
		text += fmt.Sprintf("\n#%d of it needs a look, and resume also says that it had one.", run)
	}
	if before != nil {
		text += "\nIt was paused already, " + notify.Paused(before)
	}
	return text, nil
}

// lookedAt is the run of a stack that failed and needs a look; 0 if none does, and of everything.
func (cs *Commands) lookedAt(stack string) (run int, err error) {
	if stack == "" {
		return 0, nil
	}
	err = cs.store.View(func(tx *store.Tx) error {
		st, err := tx.Stack(stack)
		if err == nil && st.Look != nil {
			run = st.Look.Run
		}
		return err
	})
	return run, err
}

// resume lets a stack, or the agent, go on, and says what is paused beside it: a stack that goes on waits for the agent.
func (cs *Commands) resume(stack, by string) (string, error) {
	was, err := cs.operator.Unpause(stack, by)
	if err != nil {
		return "", err
	}
	text := phrase.Whole(stack) + " goes on."
	if !was.Held {
		text = phrase.Whole(stack) + " was not paused."
	}
	if was.Seen != 0 {
		text += fmt.Sprintf(" #%d needs no look any more.", was.Seen)
	}
	agent, _, err := cs.held("")
	if err != nil {
		return "", err
	}
	_, stacks, err := cs.held(stack)
	switch {
	case err != nil:
		return "", err
	case agent != nil:
		text += " Nothing of it runs yet: the agent is paused " + words.Sentence(notify.Paused(agent)) + " To let everything go on: sallyport resume " + verbs.All
	case stack == "" && len(stacks) > 0:
		text += fmt.Sprintf(" Still paused: %s. To let one go on: sallyport resume %s", words.List(stacks, maxNames), stacks[0])
	}
	return text, nil
}

// held is who holds a stack, or the agent when stack is empty; nil if nobody does. stacks are all that are held for themselves.
func (cs *Commands) held(stack string) (by *store.Pause, stacks []string, err error) {
	conf := cs.active.Current.Load()
	err = cs.store.View(func(tx *store.Tx) error {
		agent, err := tx.Agent()
		if err != nil {
			return err
		}
		if stack == "" {
			by = agent.Paused
		}
		for _, name := range active.StackNames(conf) {
			st, err := tx.Stack(name)
			if err != nil {
				return err
			}
			if name == stack {
				by = st.Paused
			}
			if st.Paused != nil {
				stacks = append(stacks, name)
			}
		}
		return nil
	})
	return by, stacks, err
}
