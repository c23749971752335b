package commands

import (
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxExamples is how many examples an answer has, maxSaid how much of somebody's word it repeats, in characters.
const (
	maxExamples = 3
	maxSaid     = 80
)

// misunderstood is the answer to a command that means nothing as it stands; empty if it means something. A name that is none is told,
// with those that are like it, and never taken for anything else.
func (cs *Commands) misunderstood(conf *active.Config, self slack.Identity, c notify.Command) (answer reply, err error) {
	v, _, known := verbs.Find(strings.Fields(c.Verb))
	switch {
	case !known:
		return reply{text: unknownVerb(c.Args)}, nil
	case v.Place == verbs.Thread:
		return elsewhere(cs.store, v, c.Args)
	case len(c.Args) < v.Least():
		answer.text, err = missing(cs.store, conf, v, c.Args)
		return answer, err
	case len(c.Args) > len(v.Args) && !v.Reason && !v.Loose:
		answer.text = fmt.Sprintf("`%s` is too much after %s. It is: `%s`", words.Cut(c.Args[len(v.Args)], maxSaid), v.Name, v.Usage())
		return answer, nil
	}
	for i, said := range c.Args[:min(len(c.Args), len(v.Args))] {
		if answer.text, err = cs.unknownName(conf, self, v, i, said); answer.text != "" || err != nil {
			return answer, err
		}
	}
	return reply{}, nil
}

// unknownVerb answers who says something that is no verb.
func unknownVerb(said []string) string {
	if len(said) == 0 {
		return verbs.Help()
	}
	if like := verbs.Like(said[0]); len(like) > 0 {
		return fmt.Sprintf("I do not know %s. Did you mean %s? All that I know: `help`", words.Cut(said[0], maxSaid), words.Or(like))
	}
	return fmt.Sprintf("I did not understand %q. What I know:\n%s", words.Cut(strings.Join(said, " "), maxSaid), verbs.Help())
}

// helpFor is the answer to help.
func helpFor(about []string) string {
	if len(about) == 0 {
		return verbs.Help()
	}
	if v, _, ok := verbs.Find(about); ok {
		return verbs.HelpOf(v)
	}
	return unknownVerb(about)
}

// unknownName answers who names a stack or a repository that there is none of, or a run that is none.
func (cs *Commands) unknownName(conf *active.Config, self slack.Identity, v verbs.Verb, i int, said string) (string, error) {
	switch v.Args[i].Kind {
	case verbs.Stack:
		if v.Plan && strings.HasPrefix(said, "-") {
			return fmt.Sprintf("The stack comes first: `%s STACK %s`", v.Name, words.Cut(said, maxSaid)), nil
		}
		holds := v.Name == "pause" || v.Name == "resume"
		if conf.Stack(said) != nil || holds && said == verbs.All {
			return "", nil
		}
		names := active.StackNames(conf)
		if v.Name == "runs" { // which knows stacks that are no more
			var err error
			if names, err = everStacks(cs.store, names); err != nil || slices.Contains(names, said) {
				return "", err
			}
		}
		answer := noSuch("stack", said, names)
		if v.Name == "pause" {
			answer += " To hold everything: `pause`, or with a reason: `pause all REASON`"
		}
		return answer, nil
	case verbs.Repository:
		var names []string
		for _, r := range conf.Cfg.Repositories {
			names = append(names, r.Name)
		}
		if !slices.Contains(names, said) {
			return noSuch("repository", said, names), nil
		}
	case verbs.Run:
		if v.Name == "state push" {
			return "", nil // it knows by itself which run of a stack is meant, and that has ended
		}
		find := control.FindRun
		if v.Name == "show" {
			find = control.FindShown // as in the shell
		}
		if _, err := find(cs.store, said); err != nil {
			return cs.noRun(conf, self, v, said, err)
		}
	}
	return "", nil
}

// everStacks are the stacks that there are and those that there once were, by name.
func everStacks(st *store.Store, names []string) ([]string, error) {
	err := st.View(func(tx *store.Tx) error {
		recorded, err := tx.Stacks()
		for _, s := range recorded {
			names = append(names, s.Name)
		}
		return err
	})
	slices.Sort(names)
	return slices.Compact(names), err
}

// noSuch tells that a name is unknown.
func noSuch(what, said string, names []string) string {
	answer := fmt.Sprintf("There is no %s %s.", what, words.Cut(said, maxSaid))
	switch like := words.Like(said, names); {
	case len(like) > 0:
		return answer + " Did you mean " + words.Or(like) + "?"
	case len(names) > 0:
		return answer + " There is " + words.List(names, maxNames) + "."
	}
	return answer
}

// maxNames is how many names an answer lists.
const maxNames = 20

// noRun answers who names a run that is none: a stack without an open run has those that ended, and a stack may be mistyped.
func (cs *Commands) noRun(conf *active.Config, self slack.Identity, v verbs.Verb, said string, cause error) (string, error) {
	names := active.StackNames(conf)
	number := strings.Trim(strings.TrimPrefix(said, "#"), "0123456789") == ""
	if !number && !slices.Contains(names, said) {
		return noSuch("stack", said, names), nil
	}
	if !number && v.Name == "cancel" {
		return fmt.Sprintf("No run of %s is open, so there is nothing to cancel.", said), nil
	}
	return cs.worded(self, "", cause), nil
}

// missing asks for what a verb needs, with what could be said now.
func missing(st *store.Store, conf *active.Config, v verbs.Verb, said []string) (string, error) {
	if v.Args[len(said)].Kind == verbs.Stack && v.Name != "unlock" {
		return which("stack", v, active.StackNames(conf)), nil
	}
	var examples []string
	err := st.View(func(tx *store.Tx) (err error) {
		examples, err = examplesOf(tx, conf, v)
		return err
	})
	if err != nil {
		return "", err
	}
	if len(examples) == 0 {
		return nothingTo(v.Name), nil
	}
	return which(strings.ToLower(strings.ReplaceAll(string(v.Args[0].Kind), "_", " ")), v, examples), nil
}

// nothingTo answers a verb with nothing behind it where there is nothing that it could be said of.
func nothingTo(verb string) string {
	switch verb {
	case "cancel":
		return "No run is open, so there is nothing to cancel."
	case "show":
		return "There was no run yet."
	case "accept":
		return "No branch is held, so there is nothing to accept."
	case "unlock":
		return "No stack is known to wait for a state lock. It is: `unlock STACK LOCK_ID`"
	default:
		return "No apply has left a state that waits to be pushed."
	}
}

// which is a question for what is missing: "Which stack? `plan ghe` or `plan wiki`".
func which(what string, v verbs.Verb, names []string) string {
	var examples []string
	for _, name := range names[:min(len(names), maxExamples)] {
		say, of, noted := strings.Cut(name, " (")
		example := "`" + v.Name + " " + say + "`"
		if noted {
			example += " (" + of
		}
		examples = append(examples, example)
	}
	if len(examples) == 0 {
		return "Which " + what + "? It is: `" + v.Usage() + "`"
	}
	return "Which " + what + "? " + words.Or(examples)
}

// examplesOf are what a verb could be said of now, newest runs first, with the stack of a run in brackets behind it.
func examplesOf(tx *store.Tx, conf *active.Config, v verbs.Verb) (examples []string, err error) {
	switch v.Name {
	case "cancel":
		open, err := tx.OpenRuns()
		for _, run := range slices.Backward(open) {
			examples = append(examples, fmt.Sprintf("%d (%s)", run.ID, run.Stack))
		}
		return examples, err
	case "show":
		runs, err := tx.Runs(store.RunFilter{Limit: maxExamples})
		for _, run := range runs {
			examples = append(examples, fmt.Sprintf("%d (%s)", run.ID, run.Stack))
		}
		return examples, err
	case "accept":
		for _, r := range conf.Cfg.Repositories {
			held, err := tx.Repository(r.Name)
			if err != nil {
				return nil, err
			}
			if held.HeldHead != "" {
				examples = append(examples, r.Name+" "+words.Short(held.HeldHead))
			}
		}
		return examples, nil
	}
	for _, name := range active.StackNames(conf) {
		st, err := tx.Stack(name)
		if err != nil {
			return nil, err
		}
		switch {
		case v.Name == "unlock" && st.LeftLock != nil && st.LeftLock.ID != "":
			examples = append(examples, name+" "+st.LeftLock.ID)
		case v.Name == "state push" && st.LeftState != "":
			examples = append(examples, name)
		}
	}
	return examples, nil
}

// elsewhere answers who decides in the channel: that counts in the thread of a run, where everybody sees which one is meant.
func elsewhere(st *store.Store, v verbs.Verb, said []string) (reply, error) {
	var waiting []*store.Run
	err := st.View(func(tx *store.Tx) error {
		open, err := tx.OpenRuns()
		for _, run := range open {
			if run.Status == store.Planned {
				waiting = append(waiting, run)
			}
		}
		return err
	})
	if err != nil {
		return reply{}, err
	}
	if len(said) > 0 {
		if run, err := control.FindRun(st, said[0]); err == nil {
			waiting = []*store.Run{run}
		}
	}
	switch {
	case len(waiting) == 0:
		return reply{text: fmt.Sprintf("No run waits, so there is nothing to %s.", v.Name)}, nil
	case waiting[0].Status == store.Pending || waiting[0].Status == store.Planning:
		return reply{fmt.Sprintf("#%d %s is not planned yet (%s), so there is nothing to %s.", waiting[0].ID, waiting[0].Stack, waiting[0].Status, v.Name), waiting}, nil
	case waiting[0].Status.Terminal():
		return reply{fmt.Sprintf("#%d %s has ended (%s); there is nothing to %s.", waiting[0].ID, waiting[0].Stack, waiting[0].Status, v.Name), waiting}, nil
	}
	if len(waiting) == 1 {
		return reply{fmt.Sprintf("This did not count here: reply %s in the thread of #%d %s.", wanted(v, waiting[0]), waiting[0].ID, waiting[0].Stack), waiting}, nil
	}
	var names []string
	for _, run := range waiting {
		name := fmt.Sprintf("#%d %s", run.ID, run.Stack)
		if say := wanted(v, run); say != v.Name {
			name += " (there: " + say + ")"
		}
		names = append(names, name)
	}
	return reply{fmt.Sprintf("This did not count here: reply %s in the thread of %s.", v.Name, words.Or(names)), waiting}, nil
}

// wanted is what a decision about a run has to say.
func wanted(v verbs.Verb, run *store.Run) string {
	if v.Name == string(store.Approve) {
		return notify.Needed(run.Plan)
	}
	return v.Name
}
