// Package verbs is the table of the words that people tell Sallyport: what each is called, what it takes and what it does. The bot in
// Slack obeys by it and explains by it, and a test of the command line holds the verbs of the same name there against it, so that
// one word never means two things in two places.
package verbs

import (
	"strings"

	"sallyport/notify/words"
)

// Kind is what an argument names, as usage lines write it.
type Kind string

// The kinds of arguments.
const (
	Stack      Kind = "STACK"
	Run        Kind = "RUN" // 12, #12, or a stack with one open run
	Repository Kind = "REPOSITORY"
	Commit     Kind = "COMMIT"
	LockID     Kind = "LOCK_ID"
	OfVerb     Kind = "VERB"
)

// All stands in the place of a stack for everything that the agent does.
const All = "all"

// Arg is one argument of a verb.
type Arg struct {
	Kind     Kind
	Optional bool
}

// Place is where a word is said.
type Place int

// The places.
const (
	Channel Place = iota // to the bot, in the channel
	Thread               // in the thread of a run, where the run need not be named
)

// Who may say a word.
type Who int

// Those who may.
const (
	Approvers Who = iota // of the agent
	OfStack              // the approvers of the stack that it is about
	Anybody
)

// Verb is one word.
type Verb struct {
	Name   string // "state push" is one
	Place  Place
	Who    Who
	Args   []Arg
	Reason bool // words of the person's own may follow the arguments
	Loose  bool // what else is said with it is not looked at: it does no harm
	Plan   bool // takes the options of a plan
	Does   string
	More   string // sentences for who asks for help about it; may be empty
}

// group is verbs that belong together, in the order in which they are shown.
type group struct {
	title string
	verbs []Verb
}

func table() []group {
	stack, run := Arg{Kind: Stack}, Arg{Kind: Run}
	maybe := func(k Kind) Arg { return Arg{Kind: k, Optional: true} }
	return []group{
		{"In a run's thread", []Verb{
			{Name: "approve", Place: Thread, Who: OfStack, Does: "apply this plan",
				More: "The whole message is the word. A plan that destroys something wants approve destroy; what is protected is named as well, by its number on the card " +
					"or by its address: approve destroy 1. Words count and reactions do not: a reaction cannot say which plan it is about."},
			{Name: "deny", Place: Thread, Who: OfStack, Reason: true, Does: "refuse this plan, for good",
				More: "It outweighs every approval. A plan that is applying is not denied any more: cancel stops it."},
		}},
		{"To me: look", []Verb{
			{Name: "status", Who: Anybody, Loose: true, Does: "what waits, what is wrong"},
			{Name: "show", Who: Anybody, Args: []Arg{run}, Loose: true, Does: "one run"},
			{Name: "runs", Who: Anybody, Args: []Arg{maybe(Stack)}, Loose: true, Does: "the newest runs"},
			{Name: "why", Who: Anybody, Args: []Arg{stack}, Loose: true, Does: "why it has a run, or none"},
		}},
		{"Plan and stop", []Verb{
			{Name: "plan", Who: OfStack, Args: []Arg{stack}, Reason: true, Plan: true, Does: "plan it now",
				More: "Options: --commit SHA, --replace ADDRESS, --target ADDRESS, --refresh-only, --destroy, --empty-state, --var NAME=VALUE, --image NAME=ID; then a reason in your own words. " +
					"Of a pull request that waits for a word: plan STACK pr NUMBER. Nothing is applied without an approval."},
			{Name: "recover", Who: OfStack, Args: []Arg{stack}, Reason: true, Plan: true, Does: "plan what is applied again",
				More: "It plans the applied commit and not the newest one: for when what ran is gone or broken. Options: --replace ADDRESS, --target ADDRESS, --refresh-only."},
			{Name: "cancel", Who: OfStack, Args: []Arg{run}, Does: "stop a run",
				More: "A running apply is asked once to stop and gets all the time that it needs. In the thread of a run that is at work the word alone does it."},
			{Name: "pause", Args: []Arg{maybe(Stack)}, Reason: true, Does: "hold it, or all",
				More: "Without a stack everything is held; with a reason it is pause all REASON. Approvals still count, nothing new runs, and a running apply goes on."},
			{Name: "resume", Args: []Arg{maybe(Stack)}, Does: "let it go on",
				More: "It ends a pause, and a pin at an older commit, and says that what failed last has been looked at and may stay as it is."},
		}},
		{"Repair", []Verb{
			{Name: "accept", Args: []Arg{{Kind: Repository}, {Kind: Commit}}, Does: "rewritten history"},
			{Name: "unlock", Args: []Arg{stack, {Kind: LockID}}, Does: "open a left lock",
				More: "The id is in status. It is refused while something of the stack runs, and if another lock is held than that."},
			{Name: "state push", Args: []Arg{run}, Does: "save a left state",
				More: "An apply could not save its state; status names the run. Nothing is forced."},
		}},
		{"More", []Verb{{Name: "help", Who: Anybody, Args: []Arg{maybe(OfVerb)}, Loose: true, Does: "more about one of these"}}},
	}
}

// Verbs are all verbs in the order in which help shows them.
func Verbs() []Verb {
	var all []Verb
	for _, g := range table() {
		all = append(all, g.verbs...)
	}
	return all
}

// Find takes the verb off the beginning of what somebody says. Of words that begin with none, ok is false.
func Find(said []string) (v Verb, rest []string, ok bool) {
	for _, v := range Verbs() {
		name := strings.Fields(v.Name)
		if len(said) < len(name) {
			continue
		}
		same := true
		for i, part := range name {
			same = same && plain(said[i]) == part
		}
		if same {
			return v, said[len(name):], true
		}
	}
	return Verb{}, said, false
}

// plain is a word as the table writes it.
func plain(word string) string { return strings.ToLower(strings.TrimRight(word, ".,:;!?")) }

// Like are the verbs that somebody may have meant who typed a word that is none of them.
func Like(word string) []string {
	var names []string
	for _, v := range Verbs() {
		first, _, _ := strings.Cut(v.Name, " ")
		if word = plain(word); word == first {
			return []string{v.Name} // a part of it is missing
		}
		names = append(names, v.Name)
	}
	return words.Like(word, names)
}

// Least is how many arguments the verb needs.
func (v Verb) Least() int {
	n := 0
	for _, a := range v.Args {
		if !a.Optional {
			n++
		}
	}
	return n
}

// Usage is the verb with its arguments: "pause [STACK] [reason]".
func (v Verb) Usage() string {
	text := v.Name
	if args := v.Positional(); args != "" {
		text += " " + args
	}
	if v.Reason {
		text += " [reason]"
	}
	return text
}

// Positional are the arguments as usage lines write them: "[STACK]", "STACK LOCK_ID".
func (v Verb) Positional() string {
	var args []string
	for _, a := range v.Args {
		name := string(a.Kind)
		if a.Optional {
			name = "[" + name + "]"
		}
		args = append(args, name)
	}
	return strings.Join(args, " ")
}

// Help is every verb in a line, grouped: no more than the screen of a phone holds.
func Help() string {
	var lines []string
	for _, g := range table() {
		lines = append(lines, "— "+g.title)
		for _, v := range g.verbs {
			line := v.Usage()
			if v.Plan {
				line = v.Name + " " + v.Positional()
			}
			lines = append(lines, line+": "+v.Does)
		}
	}
	return strings.Join(lines, "\n")
}

// HelpOf is what there is to know about one verb.
func HelpOf(v Verb) string {
	text := v.Usage() + ": " + v.Does + "."
	if v.Plan {
		text = v.Name + " " + v.Positional() + " [options] [reason]: " + v.Does + "."
	}
	if v.Place == Thread {
		text = v.Usage() + ", in the run's thread: " + v.Does + "."
	}
	if v.More != "" {
		text += " " + v.More
	}
	return text
}
