package notify

import (
	"fmt"
	"strings"

	"sallyport/notify/redact"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// maxStackName is how much of a stack's name a title and a list hold, in bytes: the number behind it must not be cut off.
const maxStackName = 80

// StackName is the name of a stack for titles and lists: of a long one the middle gives way to a digest. Where a person
// is told what to type it stands whole.
func StackName(name string) string { return store.ShortName(line(name), maxStackName) }

// Title names the run: "PROD ghe #12".
func (c Card) Title() string {
	return strings.TrimSpace(line(c.Label)+" "+StackName(c.Stack)) + fmt.Sprintf(" #%d", c.Run)
}

// StatusWord is the word for the status, or the headline in its place.
func (c Card) StatusWord() string {
	if c.Headline != "" {
		return line(c.Headline)
	}
	switch c.Status {
	case store.NoChanges:
		if c.Options.Targeted() {
			return "no changes to its targets"
		}
		return "no changes"
	case store.Applied:
		if c.Options.Targeted() {
			return "applied, its targets only"
		}
	case store.Applying:
		if c.Apply != nil && c.Apply.Total > 0 {
			return fmt.Sprintf("applying %d of %d", c.Apply.Done, c.Apply.Total)
		}
	}
	if c.Held != "" && !c.Status.Terminal() {
		return string(c.Status) + ", held"
	}
	return string(c.Status)
}

// Text is the whole message in one line, for a lock screen: fixed words, the label and the stack's name, and nothing that
// comes from a repository.
func (c Card) Text() string {
	text := c.Title() + ": "
	if special := c.brief(); special != "" {
		text += special + ": "
	}
	text += c.gist()
	if failed := ChecksCount(c.checks()); failed != "" {
		text += "; " + failed
	}
	if warns := HookWarns(c); warns != "" {
		text += "; " + warns
	}
	if ask := c.ask(); ask != "" {
		text += ". " + ask
	}
	return text
}

// Line is the run in one line of a message about several.
func (c Card) Line() string {
	text := c.Title() + ": "
	if c.Status == store.Planned {
		text += "planned, "
	}
	text += c.gist()
	if warns := HookWarns(c); warns != "" {
		text += "; " + warns
	}
	switch {
	case c.Held != "" && !c.Status.Terminal():
		text += ": " + line(c.Held)
		if next := ToDo(c.Hint); next != "" && c.Status == store.Pending {
			text += ". Next: " + c.typed(line(next))
		}
	case c.Error != "" && c.ShowAddresses && (c.Status == store.Errored || c.Status == store.Interrupted):
		first, _, _ := strings.Cut(strings.TrimSpace(c.Error), "\n")
		text += ": " + words.Cut(line(first), 200)
	}
	return text
}

// gist is what happens or happened, in a few words.
func (c Card) gist() string {
	counts := c.Counts()
	switch c.Status {
	case store.Planned:
		if c.Headline != "" {
			return line(c.Headline) + ": " + counts
		}
		return counts
	case store.Approved, store.Previewed:
		return c.StatusWord() + ": " + counts
	case store.Applying:
		return c.StatusWord()
	case store.Applied:
		if c.Plan == nil {
			return c.StatusWord()
		}
		return c.StatusWord() + ": " + c.Done()
	case store.Errored:
		if c.Apply == nil {
			return "errored, nothing was changed"
		}
		if c.Build {
			return "errored after " + c.progress() + " builders"
		}
		return "errored after " + c.progress() + "; the state may be partly changed"
	case store.Interrupted:
		if c.Build {
			return "interrupted after " + c.progress() + " builders: nobody saw the end of the build"
		}
		return "interrupted after " + c.progress() + ": nobody saw the end of the apply"
	case store.Canceled:
		if c.Apply != nil {
			return "canceled after " + c.progress()
		}
	case store.Stale:
		return "stale: the world moved since the plan"
	case store.Discarded:
		return "discarded: denied"
	case store.Superseded:
		return "superseded by a newer run"
	case store.Expired:
		if c.Got > 0 && c.Got >= c.Approvals {
			return "expired: approved, but not applied in time"
		}
		return "expired: nobody decided in time"
	}
	return c.StatusWord()
}

func (c Card) progress() string {
	if c.Apply == nil || c.Apply.Total == 0 {
		return "an unknown part"
	}
	return fmt.Sprintf("%d of %d", c.Apply.Done, c.Apply.Total)
}

// ask is what the lock screen says to reply.
func (c Card) ask() string {
	if c.Status != store.Planned {
		return ""
	}
	text := "Reply " + c.words() + " or deny"
	if c.Approvals > 1 {
		text += fmt.Sprintf(" (%s)", words.Of(c.Got, c.Approvals, "approval"))
	}
	return text
}

// manyNames is how many addresses an approval can name before the message says how instead of which.
const manyNames = 12

// words are what an approval has to say.
func (c Card) words() string {
	must := mustNumbers(c.Plan)
	if len(must) > manyNames {
		return "approve destroy with the " + mustOnes(c.Plan)
	}
	if c.Plan == nil {
		return "approve"
	}
	return needed(c.Plan)
}

// Reply says in a sentence or two what a person can do now; empty when there is nothing to do.
func (c Card) Reply() string {
	switch c.Status {
	case store.Planned:
		return c.replyPlanned()
	case store.Approved:
		if c.Shell {
			return fmt.Sprintf("sallyport deny %d stops it before it starts.", c.Run)
		}
		return "Reply deny in this thread to stop it before it starts."
	case store.Applying:
		return c.typed(fmt.Sprintf("It cannot be denied any more; sallyport cancel %d interrupts it.", c.Run))
	case store.Errored, store.Interrupted, store.Canceled, store.Discarded, store.Expired:
		if c.Hint != "" {
			return c.typed(line(c.Hint))
		}
		if c.Kind == store.KindPullRequest {
			return ""
		}
		if c.Shell || c.Bot != "" {
			return c.typed(fmt.Sprintf("To plan it again: sallyport plan %s", line(c.Stack)))
		}
		return fmt.Sprintf("To plan it again: sallyport plan %s, or tell the bot: plan %s", line(c.Stack), line(c.Stack))
	case store.Pending, store.Planning:
		return c.typed(line(c.Hint))
	}
	return ""
}

// typed is what to type next, in the words of the place where the card is read.
func (c Card) typed(advice string) string { return verbs.InSlack(advice, c.Bot) }

func (c Card) replyPlanned() string {
	var b strings.Builder
	if c.Shell {
		verb, words, _ := strings.Cut(c.words(), " ")
		fmt.Fprintf(&b, "To go on: %s; to refuse: sallyport deny %d.", strings.TrimSpace(fmt.Sprintf("sallyport %s %d %s", verb, c.Run, words)), c.Run)
	} else {
		fmt.Fprintf(&b, "Reply %s in this thread, or deny with a reason.", c.words())
	}
	if must := mustNumbers(c.Plan); len(must) > 0 {
		fmt.Fprintf(&b, " %s: an approval names %s, by number or by address.", mustWhy(c.Plan), plural(len(must), "it", "each"))
		if !c.ShowAddresses {
			fmt.Fprintf(&b, " sallyport show %d lists them.", c.Run)
		}
	}
	if c.Approvals > 1 {
		fmt.Fprintf(&b, " %d different people have to approve; %d so far.", c.Approvals, c.Got)
	}
	if who := words.WaitsFor(c.Approvals-c.Got, c.WaitsFor); who != "" {
		fmt.Fprintf(&b, " It %s.", line(who))
	}
	if c.Hint != "" {
		b.WriteString(" Next: " + c.typed(line(c.Hint)))
	}
	return b.String()
}

// Counts says how much a plan creates, changes and destroys: "2 to create, nothing destroyed".
func (c Card) Counts() string {
	p := c.Plan
	if p == nil {
		return "not planned yet"
	}
	if c.Build {
		return words.Count(len(p.Changes), "image") + " to build"
	}
	t := tallyOf(p)
	parts := t.parts()
	if len(parts) == 0 {
		if n := len(p.Outputs); n > 0 {
			return fmt.Sprintf("only %s to change, nothing destroyed", words.Count(n, "output"))
		}
		return "nothing to change"
	}
	others := t
	others.imports, others.read = 0, 0
	switch {
	case others == tally{} && t.imports > 0 && len(p.Outputs) == 0 && len(p.Deferred) == 0:
		parts = append(parts, "nothing else changes")
	case t.destroy+t.replace == 0:
		parts = append(parts, "nothing destroyed")
	}
	return strings.Join(parts, ", ")
}

// Done is [Card.Counts] of a plan that was applied: "2 created, nothing destroyed".
func (c Card) Done() string { return past(c.Counts()) }

// Said is [Card.Counts] with how far the apply came, once there was one that ended.
func (c Card) Said() string {
	switch {
	case c.Plan == nil || !c.Status.Terminal():
		return c.Counts()
	case c.Status == store.Applied:
		return "planned: " + c.Counts() + "; all of it is done"
	case c.Apply == nil:
		return c.Counts()
	case c.Apply.Total == 0:
		return "planned: " + c.Counts()
	}
	return "planned: " + c.Counts() + "; done: " + c.progress()
}

// tally counts the changes of a plan by what happens to the object.
type tally struct{ create, again, update, replace, destroy, forget, move, refresh, read, imports, invoke, unknown int }

func tallyOf(p *store.Plan) tally {
	var t tally
	if len(p.Changes) == 0 { // only the counts are known
		return tally{create: p.Add, update: p.Change, destroy: p.Destroy}
	}
	for _, ch := range p.Changes {
		if ch.Imports() {
			t.imports++
		}
		if ch.Unknown {
			t.unknown++
			continue
		}
		switch kindOf(ch) {
		case create:
			if ch.Class == store.ClassRecreate || ch.Before == store.BeforeThere {
				t.again++
			} else {
				t.create++
			}
		case update:
			t.update++
		case replace, replaceCreateFirst:
			t.replace++
		case replaceForget:
			t.create++
			t.forget++
		case destroy:
			t.destroy++
		case forget:
			t.forget++
		case move:
			t.move++
		case refresh:
			t.refresh++
		case read:
			t.read++
		case invoke:
			t.invoke++
		}
	}
	return t
}

func (t tally) parts() []string {
	var parts []string
	add := func(n int, words string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, words))
		}
	}
	if t.unknown > 0 {
		parts = append(parts, words.CountOf(t.unknown, "change of a kind", "changes of kinds")+" that sallyport does not know")
	}
	add(t.imports, "to import")
	add(t.create, "to create")
	add(t.again, "to create again")
	add(t.update, "to change")
	add(t.replace, "to destroy and replace")
	add(t.destroy, "to destroy")
	add(t.forget, "to forget")
	add(t.move, "to move")
	add(t.refresh, "to refresh in the state")
	if t.invoke > 0 {
		parts = append(parts, words.Count(t.invoke, "action")+" to invoke")
	}
	if len(parts) == 0 {
		add(t.read, "to read")
	}
	return parts
}

// past turns counts of what will be into counts of what was.
func past(counts string) string {
	return strings.NewReplacer("to build", "built", "to create again", "created again", "to create", "created", "to change", "changed",
		"to destroy and replace", "destroyed and replaced", "to destroy", "destroyed", "to forget", "forgotten",
		"to move", "moved", "to import", "imported", "nothing else changes", "nothing else changed", "to invoke", "invoked", "to refresh", "refreshed", "to read", "read").Replace(counts)
}

// line makes one safe line of a text from outside.
func line(s string) string { return strings.TrimSpace(redact.CleanLine(s)) }

// short is line, cut where it would be longer than a person reads.
func short(s string) string { return words.Cut(line(s), 80) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
