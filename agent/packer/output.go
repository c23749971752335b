package packer

import (
	"regexp"
	"slices"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

const (
	maxErrors   = 50
	maxMentions = 20 // of one builder
	maxSaid     = 200
)

// A Line is one line of machine-readable output.
type Line struct {
	Target string // the builder; empty: Packer itself
	Type   string
	Data   []string
}

var unescape = strings.NewReplacer("%!(PACKER_COMMA)", ",", `\n`, "\n", `\r`, "\r")

// ParseLine reads a line of machine-readable output; false for anything else.
func ParseLine(line string) (Line, bool) {
	parts := strings.Split(strings.TrimRight(line, "\r\n"), ",")
	if len(parts) < 3 || strings.Trim(parts[0], "0123456789") != "" || parts[0] == "" {
		return Line{}, false
	}
	l := Line{Target: unescape.Replace(parts[1]), Type: parts[2]}
	for _, p := range parts[3:] {
		l.Data = append(l.Data, unescape.Replace(p))
	}
	return l, true
}

// at is a field of the data; empty if it is missing.
func (l Line) at(i int) string {
	if i < len(l.Data) {
		return l.Data[i]
	}
	return ""
}

// Said is what the line says to people, and whether that is an error.
func (l Line) Said() (text string, bad bool) {
	if l.Type != "ui" {
		return "", false
	}
	return l.at(1), l.at(0) == "error"
}

// A Build is what is known of one builder's work.
type Build struct {
	Name   string
	Ended  bool // it says so; after a cancellation that means nothing
	Failed bool
	Last   string // the step that it announced last
	// Mentions are ids of what it has made on its way, as far as they can be told from what it says: they are left over
	// if it does not come to its end.
	Mentions []string
}

// Output is what a build has said so far, gathered line by line. The zero value is ready.
type Output struct {
	Builds    []Build // in the order of their beginning
	Artifacts []store.Artifact
	Errors    []string
	Canceled  bool // Packer says that it was interrupted

	said []string // errors that are of no builder
}

var (
	spoken = regexp.MustCompile(`^(?:==>|   ) ([^\s:]+): (.*)`)
	ending = regexp.MustCompile(`^Build '([^']+)' (finished|errored)`)
	// resource matches ids of things in clouds, and the names that Packer gives to what it makes for the time of a build.
	resource = regexp.MustCompile(`\b(?:(?:i|ami|snap|vol|sg|eni|subnet|key|eipalloc|sir)-[0-9a-f]{8,17}|packer[-_][0-9a-f][0-9a-f-]{7,})\b`)
)

const canceled = "Cancelling build after receiving"

// Add takes one line.
func (o *Output) Add(line []byte) {
	l, ok := ParseLine(string(line))
	if !ok {
		return
	}
	switch l.Type {
	case "ui":
		o.hear(l)
	case "artifact":
		if l.at(1) == "id" {
			o.Artifacts = addNew(slices.Clip(o.Artifacts), artifactsOf(l.Target, l.at(2))...)
		}
	case "error":
		text := strings.TrimSpace(l.at(0))
		if l.Target != "" {
			text = l.Target + ": " + text
			b := o.build(l.Target)
			b.Ended, b.Failed = true, true
		}
		if len(o.Errors) < maxErrors {
			o.Errors = append(slices.Clip(o.Errors), text)
		}
	}
}

// hear takes what is said to people.
func (o *Output) hear(l Line) {
	text, bad := l.Said()
	text = strings.TrimLeft(text, "\n")
	if strings.HasPrefix(text, canceled) {
		o.Canceled = true
		return
	}
	if m := ending.FindStringSubmatch(text); m != nil {
		b := o.build(m[1])
		b.Failed = m[2] == "errored"
		b.Ended = b.Failed || !o.Canceled
		return
	}
	m := spoken.FindStringSubmatch(text)
	if m == nil {
		if bad && len(o.said) < maxErrors {
			o.said = append(slices.Clip(o.said), strings.TrimSpace(text))
		}
		return
	}
	b := o.build(m[1])
	if l.at(0) == "say" && strings.HasPrefix(text, "==>") {
		b.Last = words.FirstLine(m[2], maxSaid)
	}
	for _, id := range resource.FindAllString(m[2], -1) {
		if !slices.Contains(b.Mentions, id) && len(b.Mentions) < maxMentions {
			b.Mentions = append(slices.Clip(b.Mentions), id)
		}
	}
}

// build finds a builder, which begins with the first word of it.
func (o *Output) build(name string) *Build {
	for i := range o.Builds {
		if o.Builds[i].Name == name {
			return &o.Builds[i]
		}
	}
	o.Builds = append(o.Builds, Build{Name: name})
	return &o.Builds[len(o.Builds)-1]
}

// Open are the builders that have begun and not come to an end, with what they have mentioned.
func (o *Output) Open() []string {
	var out []string
	for _, b := range o.Builds {
		if b.Ended {
			continue
		}
		text := b.Name
		if len(b.Mentions) > 0 {
			text += " (" + strings.Join(b.Mentions, ", ") + ")"
		}
		out = append(out, text)
	}
	return out
}

// Done counts the builders that have come to a good end.
func (o *Output) Done() int {
	n := 0
	for _, b := range o.Builds {
		if b.Ended && !b.Failed {
			n++
		}
	}
	return n
}

// Current is who is at work now, and at what.
func (o *Output) Current() string {
	for i := len(o.Builds) - 1; i >= 0; i-- {
		if b := o.Builds[i]; !b.Ended {
			if b.Last == "" {
				return b.Name
			}
			return b.Name + ": " + b.Last
		}
	}
	return ""
}

// Reasons are Packer's own words for why a build failed.
func (o *Output) Reasons() []string {
	if len(o.Errors) > 0 {
		return o.Errors
	}
	return o.said
}

// Stopping reports whether output holds Packer's word that a signal has reached it.
func Stopping(output []byte) bool { return strings.Contains(string(output), ",,ui,error,"+canceled) }
