package decode

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// atTheSpot are the summaries of faults that depend on nothing but the words at their place. "Missing ..." and "Unknown ..." are not
// among them: what is said to be missing may stand where the syntax is wrong.
var atTheSpot = []string{
	"Invalid approver", "Invalid date", "Invalid duration", "Invalid glob", "Invalid identity", "Invalid name", "Invalid number",
	"Invalid path", "Invalid pattern", "Invalid role", "Invalid schedule", "Invalid size", "Invalid value",
	"Not supported yet", "Unknown time zone", "Unsupported argument", "Unsupported block type", "Wrong type",
}

// Besides lets read find what else is wrong in a configuration whose syntax is wrong somewhere, so that people mend both at once. Of
// the file with the wrong syntax only the blocks above it count: what the parser makes of the rest is a guess.
func (l *Reader) Besides(read func()) {
	sound := map[string]int{} // how many bytes of a file can be relied on
	for name, f := range l.files {
		sound[name] = soundBytes(f, name, l.diags)
	}
	syntax, warnings := l.diags, l.warnings
	l.diags = nil
	read()
	for _, d := range l.diags {
		if d.Subject != nil && d.Subject.End.Byte <= sound[d.Subject.Filename] && slices.Contains(atTheSpot, d.Summary) {
			syntax = append(syntax, d)
		}
	}
	l.diags, l.warnings = syntax, warnings // a warning may come from what is only not read
}

// soundBytes is where the block or attribute begins in which the first fault of a file's syntax lies, or after which it does.
func soundBytes(f *hcl.File, name string, syntax hcl.Diagnostics) int {
	wrong := len(f.Bytes) + 1
	for _, d := range syntax {
		if d.Severity == hcl.DiagError && d.Subject != nil && d.Subject.Filename == name {
			wrong = min(wrong, d.Subject.Start.Byte)
		}
	}
	if wrong > len(f.Bytes) {
		return len(f.Bytes)
	}
	sound := 0
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return 0
	}
	for _, b := range body.Blocks {
		if at := b.Range().Start.Byte; at <= wrong {
			sound = max(sound, at)
		}
	}
	for _, a := range body.Attributes {
		if at := a.Range().Start.Byte; at <= wrong {
			sound = max(sound, at)
		}
	}
	return sound
}
