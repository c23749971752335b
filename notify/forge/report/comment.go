// Package report says how runs stand to the people of a site that hosts a repository, whichever it is: as commit statuses
// ([RunStatus] and its like), and in the one comment of a pull request ([Comment.Body]). It is pure, and sends nothing.
//
// Whatever is shown in a comment and is not our own words stands in a code element or in a fence that is longer than any run of
// backticks in it, so that it can neither mention, link nor format, nor end its block. No line of our own begins with a slash: a site
// may take that for a command, and carry it out as us.
package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sallyport/notify/forge"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// MaxComment is how long a comment is where no limit is given, in the characters of [forge.Units]: what the strictest of the sites takes.
const MaxComment = 65536

// Comment is the one comment of a pull request: what its stacks' plans say.
type Comment struct {
	Agent     string   // id of the agent: several may look at one repository, each with a comment of its own
	Head      string   // that was planned, full hash
	Runs      []Run    // of the stacks that it touches, in the order of the rows
	Untouched int      // stacks that it does not touch
	Notes     []string // one sentence each: why something was not planned
	Limit     int      // characters; default [MaxComment]
}

var fullHash = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// Marker is what an agent's comment begins with, and is found again by. It is not shown.
func Marker(agent string) string {
	safe := strings.Map(func(r rune) rune {
		if r < 0x80 && inert(r) && r != ' ' && r != '-' && r != ';' && r != ',' && r != '/' {
			return r
		}
		return '_' // two dashes would end it
	}, forge.Cut(redact.CleanLine(agent), 100))
	return "<!-- sallyport:" + safe + " -->"
}

const (
	// spare is kept for the words about what is left out, in the notes and after the plans.
	spare     = 120
	leftOut   = "%s left out here, for want of room: sallyport show RUN\n\n"
	tableHead = "| stack | plan |\n| --- | --- |\n"
	promise   = "Nothing is applied from here: after the merge the stacks are planned anew, and people are asked.\n"
)

// Body is the comment's text. It begins with [Marker] and fits into the limit: rows come first, and each stack keeps
// its own; the room that is left is shared among the plans' texts, of which the longest are cut, with a note. Everything that
// is not our own words stands in a code element or a fence.
func (r Comment) Body() string {
	limit := r.Limit
	if limit <= 0 {
		limit = MaxComment
	}
	head := Marker(r.Agent) + "\n**Sallyport** " + r.verb() + " " + code(short(r.Head)) + "\n\n"
	tail := r.untouched() + promise
	room := limit - forge.Units(head) - forge.Units(tail) - spare
	if len(r.Runs) == 0 {
		if len(r.Notes) == 0 {
			head += "No stack is touched.\n\n"
		}
		return head + r.notes(room/2) + tail
	}
	table := r.table(room)
	room -= forge.Units(table)
	notes := r.notes(room / 4)
	room -= forge.Units(notes)
	return head + table + notes + r.sections(room) + tail
}

func short(hash string) string {
	if !fullHash.MatchString(hash) {
		return "an unknown commit"
	}
	return words.Short(hash)
}

// verb says what was done with the head.
func (r Comment) verb() string {
	if len(r.Runs) == 0 && len(r.Notes) > 0 {
		return "looked at"
	}
	return "planned"
}

func (r Comment) untouched() string {
	switch r.Untouched {
	case 0:
		return ""
	case 1:
		return "1 other stack is not touched. "
	}
	return fmt.Sprintf("%d other stacks are not touched. ", r.Untouched)
}

// notes lists the sentences, as many as have room.
func (r Comment) notes(room int) string {
	var b strings.Builder
	for _, note := range r.Notes {
		line := "- " + code(forge.Cut(redact.CleanLine(note), 400)) + "\n"
		if room -= forge.Units(line); room < 20 {
			b.WriteString("- and more\n")
			break
		}
		b.WriteString(line)
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// widths are how much of a row's foreign words is shown, tried one after the other until the table fits.
func widths() []width { return []width{{200, 300}, {100, 100}, {60, 0}, {24, 0}} }

type width struct{ name, held int }

// table has a row for each stack. Only where even the least rows do not fit, some thousand stacks, it ends early and says so.
func (r Comment) table(room int) string {
	var rows []string
	for _, w := range widths() {
		rows = rows[:0]
		total := forge.Units(tableHead) + 1
		for _, run := range r.Runs {
			row := run.row(w.name, w.held)
			rows = append(rows, row)
			total += forge.Units(row)
		}
		if total <= room {
			return tableHead + strings.Join(rows, "") + "\n"
		}
	}
	more := "| and %s | too many for one comment |\n"
	room -= forge.Units(tableHead) + 1 + forge.Units(more) + 10
	var b strings.Builder
	b.WriteString(tableHead)
	for i, row := range rows {
		if room -= forge.Units(row); room < 0 {
			fmt.Fprintf(&b, more, words.More(len(rows)-i, "stack"))
			break
		}
		b.WriteString(row)
	}
	return b.String() + "\n"
}

// row is a stack's line in the table.
func (r Run) row(name, held int) string {
	text := sign(r) + r.publicWords()
	if r.Held != "" && !r.Status.Terminal() && held > 0 {
		text += ": " + code(forge.Cut(redact.CleanLine(r.Held), held))
	}
	if r.Differs != "" && r.Status == store.Previewed && held > 0 {
		text += "; " + code(forge.Cut(redact.CleanLine(r.Differs), held))
	}
	return fmt.Sprintf("| %s | %s |\n", r.title(name), text)
}

func (r Run) title(limit int) string {
	title := code(forge.Cut(strings.TrimSpace(redact.CleanLine(r.Label)+" "+redact.CleanLine(r.Stack)), limit))
	if title == "" {
		return "(no name)"
	}
	return title
}

// publicWords are [Run.words] without the names of people, which are nobody's markup but somebody's input.
func (r Run) publicWords() string {
	r.By = nil
	return r.words()
}

// sign catches the eye where something is destroyed or went wrong.
func sign(r Run) string {
	switch {
	case stateOf(r.Status) == forge.Failure:
		return "❌ "
	case r.Plan.Destroys(), len(store.HookWarnings(r.Hooks)) > 0:
		return "⚠️ "
	}
	return ""
}

// cutNote stands in the place of the rest of a text.
const cutNote = "\n… cut: %s. The whole of it: sallyport show %d"

// section is a stack's collapsed part: the frame around a text, and how much room the text gets.
type section struct {
	run   Run
	text  string // cleaned
	need  int    // units of the text
	frame int    // units of everything else, the note for cutting included
	share int
}

func newSection(r Run) section {
	s := section{run: r, text: strings.Trim(shortRuns(redact.Clean(r.Text)), "\n")}
	s.need = forge.Units(s.text)
	s.frame = forge.Units(s.render("")) + 2*longestRun + forge.Units(cutNote) + 4*20
	return s
}

func (s section) render(text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<details><summary>%s: %s</summary>\n\n", s.run.title(100), s.run.publicWords())
	for i, warning := range s.run.Warnings {
		if i == 10 {
			fmt.Fprintf(&b, "- and %s\n", words.More(len(s.run.Warnings)-i, "warning"))
			break
		}
		fmt.Fprintf(&b, "- %s\n", code(forge.Cut(redact.CleanLine(warning), 300)))
	}
	if len(s.run.Warnings) > 0 {
		b.WriteString("\n")
	}
	b.WriteString(hooks(s.run))
	if s.text != "" {
		b.WriteString(fence(text) + "\n")
	}
	b.WriteString("</details>\n\n")
	return b.String()
}

// sections are the collapsed parts, within the room. Each gets an equal share; what short ones do not need goes to the
// long ones. Where not even their frames fit, the last ones are left out, and the comment says so.
func (r Comment) sections(room int) string {
	var list []section
	for _, run := range r.Runs {
		if run.Text != "" || len(run.Warnings)+len(run.Hooks) > 0 {
			list = append(list, newSection(run))
		}
	}
	all := len(list)
	least := 200 // of a text: less is of no use
	total := 0
	for i, s := range list {
		if total += s.frame + min(s.need, least); total > room {
			list = list[:i]
			break
		}
	}
	for _, s := range list {
		room -= s.frame
	}
	shareOut(list, room)
	var b strings.Builder
	for _, s := range list {
		b.WriteString(s.render(s.cut()))
	}
	if len(list) < all {
		fmt.Fprintf(&b, leftOut, words.CountOf(all-len(list), "plan is", "plans are"))
	}
	return b.String()
}

// shareOut divides the room: whoever needs the least is served first, whole if that is within an equal share of what is left.
func shareOut(list []section, room int) {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return list[a].need - list[b].need })
	for n, i := range order {
		list[i].share = min(list[i].need, max(room, 0)/(len(order)-n))
		room -= list[i].share
	}
}

// cut is as much of the text as has room, in whole lines where there are any, with a note if that is not all.
func (s section) cut() string {
	if s.need <= s.share {
		return s.text
	}
	end, used := 0, 0
	for i, r := range s.text {
		if used += forge.Units(string(r)); used > s.share {
			end = i
			break
		}
	}
	kept := s.text[:end]
	if i := strings.LastIndexByte(kept, '\n'); i > len(kept)/2 {
		kept = kept[:i]
	}
	shown := strings.Count(kept, "\n") + 1
	if kept == "" {
		shown = 0
	}
	return kept + fmt.Sprintf(cutNote, words.OfThem(shown, strings.Count(s.text, "\n")+1, "line is shown", "lines are shown"), s.run.ID)
}
