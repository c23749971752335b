package bugreport

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"sallyport/agent/control"
	"sallyport/store"
)

const (
	auditDays    = 30
	auditEntries = 500
)

// Ask asks an agent, or its data directory where none answers.
type Ask func(ctx context.Context, question func(context.Context, control.Reader) error) error

// quoted is the rest of a quoted text of a log from its second line on.
var quoted = regexp.MustCompile(`\\n(?:[^"\\\n]|\\.)*"`)

// said is a text of a line of a log that Terraform may have a part in, and ofRun such a line.
var (
	said  = regexp.MustCompile(`(\b(?:text|err|error|detail|output)"?[=:])"((?:[^"\\\n]|\\.)*)"`)
	ofRun = regexp.MustCompile(`(?m)^.*(?: (?:run|stack)=|"(?:run|stack)":).*$`)
)

// firstLines keeps of each quoted text in a log the first line: below it Terraform quotes values. Of what is said of a run it keeps less.
func firstLines(log []byte) []byte {
	log = quoted.ReplaceAll(log, []byte(` (...)"`))
	return ofRun.ReplaceAllFunc(log, func(line []byte) []byte {
		return said.ReplaceAllFunc(line, func(text []byte) []byte {
			parts := said.FindSubmatch(text)
			return fmt.Appendf(nil, `%s"%s"`, parts[1], Summary(string(parts[2])))
		})
	})
}

// planned is what a plan is about, of whatever it is a part: its contents are nothing for others to read.
var planned = []string{"changes", "outputs", "checks", "deferred", "hook_notes", "facts", "warnings", "found", "attributes"}

// Status writes the status as JSON, without what plans are about.
func Status(ctx context.Context, w io.Writer, ask Ask) error {
	return ask(ctx, func(ctx context.Context, r control.Reader) error {
		s, err := r.Status(ctx)
		if err != nil {
			return fmt.Errorf("asking for the status: %w", err)
		}
		raw, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encoding the status: %w", err)
		}
		var all any
		if err := json.Unmarshal(raw, &all); err != nil {
			return fmt.Errorf("decoding the status: %w", err)
		}
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(pruned(all))
	})
}

// pruned takes out of a value what plans are about, and all but the first line of texts.
func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range ofTerraform(v) {
			if text, is := v[name].(string); is {
				v[name] = Summary(text)
			}
		}
		for name, value := range v {
			if list, is := value.([]any); is && slices.Contains(planned, name) {
				v[name] = fmt.Sprintf("(%d left out)", len(list))
			} else {
				v[name] = pruned(value)
			}
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
	case string:
		return FirstLine(v)
	}
	return v
}

// ofTerraform are the texts of an object in which Terraform may have a part: a run's (which has decisions), a stack's (which has a run), that
// of a check for drift, and that of what needs a look.
func ofTerraform(object map[string]any) []string {
	for _, name := range []string{"decisions", "run", "gone"} {
		if _, is := object[name]; is {
			return []string{"error", "cause"}
		}
	}
	return nil
}

// Audit writes the newest entries of the history, a line each, and whether its chain of hashes holds from the first of them on.
func Audit(ctx context.Context, w io.Writer, ask Ask, now time.Time) error {
	return ask(ctx, func(ctx context.Context, r control.Reader) error {
		q := control.AuditQuery{Since: now.AddDate(0, 0, -auditDays)}
		var last []control.AuditEntry
		broken := ""
		for {
			part, err := r.Audit(ctx, q)
			if err != nil {
				return fmt.Errorf("reading the history: %w", err)
			}
			last = append(last, part.Entries...)
			last = last[max(len(last)-auditEntries, 0):]
			if broken == "" {
				broken = part.Broken
			}
			if part.End {
				break
			}
			q.After = store.HistoryMark{Seq: part.Seq, Hash: part.Hash}
		}
		for _, e := range last {
			if e.Text = FirstLine(e.Text); e.Event == "transition" {
				e.Text = Summary(e.Text)
			}
			line, err := json.Marshal(e)
			if err != nil {
				return fmt.Errorf("encoding the history: %w", err)
			}
			if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
				return err
			}
		}
		if broken == "" {
			broken = "the chain of hashes holds"
		}
		_, err := fmt.Fprintln(w, broken)
		return err
	})
}
