package reference

import (
	"fmt"
	"strings"

	"sallyport/agent/config/shape"
)

// intro is what a man page begins with.
const intro = `.SH NAME
sallyport.hcl \- configuration of the sallyport agent
.SH SYNOPSIS
.I /etc/sallyport/sallyport.hcl
.SH DESCRIPTION
HCL. Where a directory is named instead of a file, all its
.I *.hcl
files are one configuration. Others may read the files, and only the agent's user or root may write them: who can write the configuration can
approve anything.
.PP
Secrets come from
.BR credential( "\(dqNAME\(dq" ),
.BR file( "\(dqPATH\(dq" )
and
.BR env( "\(dqNAME\(dq" ),
and are taken only where it says so below.
.PP
.B sallyport check
finds every mistake,
.B sallyport doctor
tries git, Slack and terraform for real, and
.B sallyport help config
.I BLOCK
shows what is below for one block.
`

// Man is the reference of all blocks as a man page of section 5. version is that of the program, and date its day; empty: none is shown.
func Man(version, date string) string {
	t := &strings.Builder{}
	fmt.Fprintf(t, ".TH SALLYPORT.HCL 5 \"%s\" \"sallyport %s\" \"File formats\"\n%s", date, roff(version), intro)
	var written []shape.Block
	for _, b := range shape.Reference() {
		fmt.Fprintf(t, ".SH %s\n%s.\n", roff(strings.ToUpper(heading(b))), line(b.Text))
		shared, own := split(b, written)
		for _, a := range own {
			fmt.Fprintf(t, ".TP\n.B %s\n%s.\n.br\n%s.\n.EX\n%s = %s\n.EE\n",
				roff(a.Name), line(a.Text), line(facts(a)), line(a.Name), roff(a.Example))
		}
		if len(shared.names) > 0 {
			fmt.Fprintf(t, ".PP\nAs in %s: %s.\n", roff(shared.of), roff(strings.Join(shared.names, ", ")))
		}
		written = append(written, b)
	}
	t.WriteString(".SH HOW VALUES ARE WRITTEN\n")
	for _, one := range types(shape.Reference()) {
		fmt.Fprintf(t, ".TP\n.B %s\n%s.\n", roff(string(one)), line(one.Takes()))
	}
	t.WriteString(".SH FILES\n.I /etc/sallyport/sallyport.hcl\n")
	return t.String()
}

// heading is the title of a block's section.
func heading(b shape.Block) string {
	if b.Path == "" {
		return "the file itself"
	}
	return b.Path
}

// line is a text that begins a line of its own, where a dot or a quote in front would be an order.
func line(text string) string { return `\&` + roff(text) }

// roff takes from a text what means something to roff.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, `"`, `\(dq`, "-", `\-`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`, "`", `\(ga`).Replace(text)
}
