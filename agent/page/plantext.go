package page

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// planText is a plan in terraform's words, taken apart. Whatever is not understood is kept as it is.
type planText struct {
	blocks  map[string][]block // what happens to each address
	drift   []block            // what was found changed outside
	outputs []string           // lines of what happens to outputs
	rest    []string           // lines that belong to none of these
}

// block is what the text says of one object.
type block struct {
	address string
	lines   []string // the first one begins with "# " and the address
}

// section is where in a text a line stands.
type section int

const (
	preamble section = iota
	inDrift
	inChanges
	inOutputs
	afterwards
)

// maxPlan is how much of a text is read, in bytes: browsers show a page of it in a second or two.
const maxPlan = 16 << 20

// parser takes a text apart, line by line.
type parser struct {
	planText
	where  section
	any    bool     // something was understood
	before []string // lines before that
	open   *block   // the block that is being read
	body   bool     // its braces are open
	closes string   // the line that closes them
}

// parsePlan takes a text apart. Values of many lines are indented deeper than what the parts are told by, so that none of them can end a
// part; see the package comment for one that could.
func parsePlan(text string) planText {
	p := parser{planText: planText{blocks: map[string][]block{}}}
	for line := range strings.Lines(text[:min(len(text), maxPlan)]) {
		line = strings.TrimRight(redact.CleanLine(strings.TrimSuffix(line, "\n")), " ")
		if p.open == nil || !p.inside(line) {
			p.outside(line)
		}
	}
	p.end()
	if !p.any { // all of it stays readable
		p.rest = p.before
	}
	if len(text) > maxPlan {
		p.rest = append(p.rest, fmt.Sprintf("(cut here: a page has %d MB of a plan's text at most; sallyport show RUN --plan has all of it)", maxPlan>>20))
	}
	return p.planText
}

// inside takes a line that may belong to the open block, which ends with a line that does not.
func (p *parser) inside(line string) bool {
	switch {
	case p.body, strings.HasPrefix(line, "  # ("), strings.HasPrefix(line, " # ("):
		p.open.lines = append(p.open.lines, line)
		if p.body && line == p.closes {
			p.end()
		}
		return true
	case isBody(line):
		p.open.lines, p.body, p.closes = append(p.open.lines, line), !strings.HasSuffix(line, "}"), "    }"
		if strings.HasPrefix(line, "  . ") { // what OpenTofu forgets is not indented
			p.closes = "}"
		}
		if !p.body {
			p.end()
		}
		return true
	}
	p.end()
	return false
}

// outside takes a line that belongs to no block, and may begin one.
func (p *parser) outside(line string) {
	if next, begins := sectionOf(line); begins {
		p.where, p.any = next, true
		return
	}
	switch {
	case line == "":
	case isRuler(line):
		p.where = preamble // what follows is not about drift any more
	case isHead(line) && (p.where == inDrift || p.where == inChanges):
		_, head, _ := strings.Cut(line, "# ")
		p.open = &block{address: addressIn(head), lines: []string{line}}
	case p.where == inOutputs && strings.HasPrefix(line, " "):
		p.outputs = append(p.outputs, line)
	case p.where == preamble:
		p.before = append(p.before, line)
	case isTalk(line):
	default:
		p.rest = append(p.rest, line)
	}
}

// end ends the block that is open.
func (p *parser) end() {
	switch {
	case p.open == nil:
		return
	case p.where == inDrift:
		p.drift = append(p.drift, *p.open)
	default:
		p.blocks[p.open.address] = append(p.blocks[p.open.address], *p.open)
	}
	p.open, p.body = nil, false
}

// sectionOf reports whether a line begins a part of the text.
func sectionOf(line string) (section, bool) {
	switch {
	case strings.HasPrefix(line, "Note: Objects have changed outside of "):
		return inDrift, true
	case strings.HasSuffix(line, " will perform the following actions:"),
		strings.HasSuffix(line, " planned the following actions, but then encountered a"), strings.HasSuffix(line, " planned the following actions, but then encountered a problem:"):
		return inChanges, true
	case line == "Changes to Outputs:":
		return inOutputs, true
	case strings.HasPrefix(line, "Plan: "), strings.HasPrefix(line, "No changes."), strings.HasPrefix(line, "This is a refresh-only plan"):
		return afterwards, true
	}
	return 0, false
}

// isHead reports whether a line begins a block. What is forgotten stands one blank further to the left.
func isHead(line string) bool {
	return strings.HasPrefix(line, "  # ") || strings.HasPrefix(line, " # ")
}

// isBody reports whether a line opens the braces of a block: `  ~ resource "a" "b" {`.
func isBody(line string) bool {
	bare := strings.TrimLeft(line, " -+~/<=.")
	kind, _, _ := strings.Cut(bare, " ")
	return slices.Contains([]string{"resource", "data", "ephemeral", "action"}, kind) && strings.ContainsRune(line, '{')
}

// isTalk reports whether a line is one of those that terraform says around what it tells.
func isTalk(line string) bool {
	for _, talk := range []string{
		"Terraform detected the following changes made outside", "OpenTofu detected the following changes made outside", "last \"terraform apply\"", "last \"tofu apply\"",
		"Unless you have made equivalent changes", "using ignore_changes, the following plan may", "or respond to these changes.", "undo or respond to these changes",
		"plan may include actions to undo", "You can apply this plan to save these new output values", "state, without changing any real infrastructure.",
	} {
		if strings.Contains(line, talk) {
			return true
		}
	}
	return false
}

// isRuler reports whether a line is drawn across the text.
func isRuler(line string) bool { return strings.Trim(line, "─") == "" }

// addressIn is the address that the first line of a block begins with: up to the first blank that is in no key.
func addressIn(head string) string {
	quoted := false
	for i := 0; i < len(head); i++ {
		switch {
		case quoted && head[i] == '\\':
			i++
		case head[i] == '"':
			quoted = !quoted
		case !quoted && head[i] == ' ':
			return head[:i]
		}
	}
	return head
}

// part is a piece of a text that is looked at alike. Class is one of add, del, mod (what becomes of a line), later (known after the apply),
// hidden (sensitive or secret), force (of a replacement) and dim; empty is plain.
type part struct{ Class, Text string }

const (
	maxLines = 2000      // of one object that are shown
	maxBytes = 256 << 10 // likewise
)

// partsOf marks what matters in the lines of a block. Where everything has the same sign, the signs say nothing and are not marked.
func partsOf(lines []string, run int) []part {
	left := 0
	if len(lines) > maxLines {
		left, lines = len(lines)-maxLines, lines[:maxLines]
	}
	for i, n := 0, 0; i < len(lines); i++ {
		if n += len(lines[i]) + 1; n > maxBytes && i > 0 {
			left, lines = left+len(lines)-i, lines[:i]
		}
	}
	var p painter
	marked := mixed(lines)
	for i, line := range lines {
		if i > 0 {
			p.add("", "\n")
		}
		class := ""
		if marked {
			class = signOf(line)
		}
		p.line(class, line)
	}
	if left > 0 {
		p.add("", "\n")
		p.add("dim", fmt.Sprintf("%s: sallyport show %d --plan", words.More(left, "line"), run))
	}
	return p.end()
}

// mixed reports whether lines have more than one sign.
func mixed(lines []string) bool {
	seen := ""
	for _, line := range lines {
		sign := signOf(line)
		if sign == "" {
			continue
		}
		if seen != "" && sign != seen {
			return true
		}
		seen = sign
	}
	return seen == "mod"
}

// signOf says what becomes of a line by the sign that it begins with.
func signOf(line string) string {
	bare := strings.TrimLeft(line, " ")
	sign, _, more := strings.Cut(bare, " ")
	if !more {
		return ""
	}
	switch sign {
	case "+":
		return "add"
	case "-":
		return "del"
	case "~", "-/+", "+/-":
		return "mod"
	}
	return ""
}

// painter joins pieces of the same look.
type painter struct {
	parts []part
	class string
	text  strings.Builder
}

func (p *painter) add(class, text string) {
	if class != p.class {
		p.end()
		p.class = class
	}
	p.text.WriteString(text)
}

// end ends the last piece and returns all.
func (p *painter) end() []part {
	if p.text.Len() > 0 {
		p.parts = append(p.parts, part{p.class, p.text.String()})
		p.text.Reset()
	}
	return p.parts
}

// remark is what terraform says of a value beside it, or in its place.
var remark = regexp.MustCompile(`# forces replacement|\((?:known after apply|sensitive value|redacted|write-only attribute)\)`)

// maxLine is how much of a line is shown, in bytes.
const maxLine = 8 << 10

// line adds a line with its remarks marked.
func (p *painter) line(class, line string) {
	more := ""
	if len(line) > maxLine {
		more = " (and " + words.More(len(line)-maxLine, "byte") + ")"
		line = strings.ToValidUTF8(line[:maxLine], "")
	}
	if strings.HasPrefix(strings.TrimLeft(line, " "), "# (") {
		class = "dim"
	}
	if !strings.ContainsAny(line, "(#") { // nearly all of them
		p.add(class, line)
		p.add("dim", more)
		return
	}
	at := 0
	for _, found := range remark.FindAllStringIndex(line, -1) {
		p.add(class, line[at:found[0]])
		text := line[found[0]:found[1]]
		switch text {
		case "# forces replacement":
			p.add("force", text)
		case "(known after apply)":
			p.add("later", text)
		default:
			p.add("hidden", text)
		}
		at = found[1]
	}
	p.add(class, line[at:])
	p.add("dim", more)
}
