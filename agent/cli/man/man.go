// Package man writes the man pages of the command line: one of the program and one of each verb, made by cobra of what the verbs' help
// is made of, so that nothing is written down twice.
//
// cobra takes the texts for Markdown, which they are not, and prints every flag with its default as if that were its value. Both are put
// right here: before, by escaping what Markdown would read; after, in the page.
package man

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

// Section is that of the manual in which programs are.
const Section = "1"

// Options say what the pages tell beside what the verbs do.
type Options struct {
	Version string
	Date    string // of the version, as 2026-11-30; empty: none is shown
	// End is what the help of the program itself ends with: headings that end with a colon, and below them entries or prose.
	End string
}

// Page is one man page.
type Page struct {
	Name string // of its file: sallyport-plan.1
	Text []byte // in roff
}

// Pages are those of a program and of all its verbs that people are shown, the program's first. The commands' texts are changed: they
// have to be of a tree that nobody else uses.
func Pages(root *cobra.Command, o Options) ([]Page, error) {
	root.DisableAutoGenTag = true
	commands := listed(root)
	var pages []Page
	var write func(c *cobra.Command) error
	write = func(c *cobra.Command) error {
		text, err := page(c, o)
		if err != nil {
			return fmt.Errorf("writing the man page of %s: %w", c.CommandPath(), err)
		}
		if c == root {
			text = before(text, ".SH SEE ALSO\n", commands+ends(o.End))
		}
		pages = append(pages, Page{Name: strings.ReplaceAll(c.CommandPath(), " ", "-") + "." + Section, Text: text})
		for _, sub := range c.Commands() {
			if !shown(sub) {
				continue
			}
			if err := write(sub); err != nil {
				return err
			}
		}
		return nil
	}
	return pages, write(root)
}

func shown(c *cobra.Command) bool { return c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() }

// listed are the verbs of a program, each with a word about it.
func listed(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(".SH COMMANDS\n")
	for _, c := range root.Commands() {
		if shown(c) {
			fmt.Fprintf(&b, ".TP\n.BR %s (%s)\n%s.\n", roff(strings.ReplaceAll(c.CommandPath(), " ", "-")), Section, line(c.Short))
		}
	}
	return b.String()
}

// page lets cobra write one page, and mends it.
func page(c *cobra.Command, o Options) ([]byte, error) {
	name, rest, takes := strings.Cut(c.Use, " ")
	switch {
	case takes:
		c.Use = name + " " + escape(rest)
	case !c.HasParent():
		c.Use = name + " VERB"
	}
	c.DisableFlagsInUseLine = true
	c.Short, c.Long, c.Example = escape(c.Short), prose(c.Long), ""
	c.InitDefaultHelpFlag()
	// A parent's flags are met again with each verb.
	c.LocalFlags().VisitAll(mark)
	var b bytes.Buffer
	if err := doc.GenMan(c, &doc.GenManHeader{Section: Section, Date: &time.Time{}}, &b); err != nil {
		return nil, err
	}
	text := titled.ReplaceAllLiteral(b.Bytes(), []byte(title(c, o)))
	text = named.ReplaceAll(text, []byte("$1 \\- "))
	text = flags.ReplaceAllFunc(text, func(entry []byte) []byte {
		parts := flags.FindSubmatch(entry)
		head := ".TP\n" + strings.ReplaceAll(string(parts[1]), "-", `\-`)
		if len(parts[2]) > 0 {
			head += ` \fI` + string(parts[2]) + `\fP`
		}
		return []byte(head + "\n" + string(parts[3]))
	})
	text = bytes.ReplaceAll(text, []byte("--"), []byte(`\-\-`)) // as it is typed, not as it is printed
	text = bytes.ReplaceAll(text, []byte(".SH OPTIONS INHERITED FROM PARENT COMMANDS\n"), []byte(".SH GLOBAL OPTIONS\n"))
	if !bytes.Contains(text, []byte("\n.SH SEE ALSO\n")) {
		text = append(text, "\n.SH SEE ALSO\n"...)
	} else {
		text = append(bytes.TrimRight(text, "\n"), ",\n"...)
	}
	return append(text, ".BR sallyport.hcl (5)\n"...), nil
}

// titled is the line that a page begins with, and named the one that says what it is about; flags is what is written of a flag, with the
// word that [mark] has put where its default would stand.
var (
	titled = regexp.MustCompile(`(?m)\A(?:\.nh\n)?\.TH .*$`)
	named  = regexp.MustCompile(`(?m)(\.SH NAME\n\S+) - `)
	flags  = regexp.MustCompile(`(?m)(?:^\.PP\n)?^(\\fB-.*\\fP)\[?="?@([^@\n]*)@"?\]?\n\t(.*)$`)
)

func title(c *cobra.Command, o Options) string {
	name := strings.ToUpper(strings.ReplaceAll(c.CommandPath(), " ", "-"))
	return fmt.Sprintf(".TH %s %s \"%s\" \"sallyport %s\" \"Sallyport\"\n.nh\n.ad l", roff(name), Section, o.Date, roff(o.Version))
}

// mark puts what a flag takes in the place of its default, which goes to the end of its text.
func mark(f *pflag.Flag) {
	if strings.HasPrefix(f.DefValue, "@") {
		return
	}
	takes, usage := pflag.UnquoteUsage(f)
	switch f.DefValue {
	case "", "false", "0", "0s", "[]":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	f.Usage = escape(usage)
	f.DefValue = "@" + takes + "@"
}

// prose makes Markdown of the description of a verb, in which a line that begins with blanks is meant as it stands.
func prose(text string) string {
	var b strings.Builder
	verbatim := false
	fence := func(on bool) {
		if on != verbatim {
			b.WriteString("```\n")
		}
		verbatim = on
	}
	for l := range strings.Lines(text) {
		fence(strings.HasPrefix(l, " "))
		if verbatim {
			b.WriteString(l)
		} else {
			b.WriteString(escape(l))
		}
	}
	if verbatim {
		b.WriteString("\n")
	}
	fence(false)
	return b.String()
}

// escape keeps Markdown from reading anything into a text.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "|", `\|`, "#", `\#`, "~", `\~`).Replace(text)
}

// entry is a line of a list: a name, at least two blanks, and what it is.
var entry = regexp.MustCompile(`^  (\S+) {2,}(\S.*)$`)

// ends makes sections of what the help of a program ends with.
func ends(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		heading, isHeading := strings.CutSuffix(l, ":")
		parts := entry.FindStringSubmatch(l)
		switch {
		case l == "":
		case isHeading:
			fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(heading)))
		case parts != nil:
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(parts[1]), line(parts[2]))
		default:
			fmt.Fprintf(&b, ".PP\n%s\n", line(l))
		}
	}
	return b.String()
}

// before puts a text in front of a line of a page.
func before(page []byte, heading, text string) []byte {
	return bytes.Replace(page, []byte("\n"+heading), []byte("\n"+text+heading), 1)
}

// line is a text that begins a line of its own, where a dot or a quote in front would be an order.
func line(text string) string { return `\&` + roff(text) }

// roff takes from a text what means something to roff.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, `"`, `\(dq`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(text)
}
