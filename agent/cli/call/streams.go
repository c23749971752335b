package call

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"sallyport/agent/cli/given"
	"sallyport/agent/cli/screen"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// Streams are what a call reads and prints: results on stdout, talk on stderr.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	JSON           bool // results are JSON

	environ []string

	Out *colorprofile.Writer // stdout for people: takes colours away where they are not wanted
	Err *colorprofile.Writer // stderr for people
}

// NewStreams are those of a call.
func NewStreams(inv Invocation) *Streams {
	s := &Streams{
		Stdin: inv.Stdin, Stdout: inv.Stdout, Stderr: inv.Stderr, environ: inv.Environ,
		Out: colorprofile.NewWriter(inv.Stdout, inv.Environ),
		Err: colorprofile.NewWriter(inv.Stderr, inv.Environ),
	}
	if Env(inv.Environ, "NO_COLOR", "") != "" { // whatever its value, and neither bold nor faint
		s.Out.Profile, s.Err.Profile = colorprofile.NoTTY, colorprofile.NoTTY
	}
	return s
}

// Say prints a line of a result. What comes from outside was cleaned by whoever calls.
func (s *Streams) Say(format string, args ...any) error {
	_, err := fmt.Fprintf(s.Out, format+"\n", args...)
	return Printed(err)
}

// Talk prints a line beside the result, cleaned of what could take over the terminal. An error is not worth an error: there is
// nowhere to tell it.
func (s *Streams) Talk(format string, args ...any) {
	_, _ = fmt.Fprintln(s.Err, redact.Clean(fmt.Sprintf(format, args...)))
}

// Write prints a text that holds colours of our own and was cleaned before it got them.
func (s *Streams) Write(text string) error {
	_, err := io.WriteString(s.Out, text)
	return Printed(err)
}

// Coloured is a long text in colours, where they are seen: it spares the work for a pipe.
func (s *Streams) Coloured(text string, colour func(string) string) string {
	if s.Out.Profile > colorprofile.ASCII {
		return colour(text)
	}
	return text
}

// Page prints a text, with the person's pager where it is longer than their screen. Without a pager last is printed at the end: it is what
// stays on the screen; first stands before it elsewhere.
func (s *Streams) Page(ctx context.Context, first, text, last string) error {
	all := first + text
	_, lines := screen.Of(s.Stdout)
	if lines == 0 || strings.Count(all, "\n") < lines {
		return s.Write(all)
	}
	var fit strings.Builder
	if _, err := (&colorprofile.Writer{Forward: &fit, Profile: s.Out.Profile}).WriteString(all); err != nil {
		return Printed(err)
	}
	shown, err := screen.Pager{Environ: s.environ, Terminal: s.Stdout.(*os.File), Errors: s.Stderr}.Page(ctx, fit.String())
	if shown || err != nil {
		return err
	}
	return s.Write(text + last)
}

// Wide is how wide tables may be; 0: as wide as they are.
func (s *Streams) Wide() int {
	columns, _ := screen.Of(s.Stdout)
	return columns
}

// WriteJSON prints one value for machines: indented, and with & and < as they are.
func (s *Streams) WriteJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	_, err := s.Stdout.Write(b.Bytes())
	return Printed(err)
}

// Result prints a value for machines or a line for people.
func (s *Streams) Result(v any, format string, args ...any) error {
	if s.JSON {
		return s.WriteJSON(v)
	}
	return s.Say("%s", redact.CleanLine(fmt.Sprintf(format, args...)))
}

// Printed is an error of printing.
func Printed(err error) error {
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// Complain tells an error and what to do about it.
func (s *Streams) Complain(err error) {
	var faults *config.Faults
	if errors.As(err, &faults) {
		// Rendering shows the lines at fault; without a terminal, too, it is what people read.
		_ = faults.Render(s.Err, s.Colour(), s.Width())
		s.Talk("sallyport: error: the configuration is not valid: %s", words.CountOf(len(faults.List()), "fault", "faults"))
		s.Talk("hint: mend what is shown above; sallyport check tries it again")
		return
	}
	s.Talk("sallyport: error: %s", redact.Clean(err.Error()))
	if next := hint.Of(err); next != "" {
		s.Talk("hint: %s", redact.Clean(next))
	}
}

// Colour reports whether stderr shows colours.
func (s *Streams) Colour() bool { return s.Err.Profile > colorprofile.ASCII }

// Width is how wide the terminal at stderr is; 0 if there is none.
func (s *Streams) Width() int {
	columns, _ := screen.Of(s.Stderr)
	return columns
}

// Asks reports whether somebody is at a terminal who can be asked.
func (s *Streams) Asks() bool {
	f, ok := s.Stdin.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// Person is who types or pipes values in.
func (s *Streams) Person() given.Person {
	p := given.Person{Stdin: s.Stdin, Prompt: s.Err, Talk: func(line string) { s.Talk("%s", line) }}
	if s.Asks() {
		p.Terminal = s.Stdin.(*os.File)
	}
	return p
}

// Ask puts a question beside the result and reads one line, blanks put right.
func (s *Streams) Ask(question string) (string, error) {
	_, _ = io.WriteString(s.Err, redact.Clean(question)) // as talk does
	typed, err := bufio.NewReader(s.Stdin).ReadString('\n')
	return strings.Join(strings.Fields(typed), " "), err
}

// Confirm lets a person type words before something that is hard to take back. Nobody is asked where nobody can answer: a
// script that means it says --yes, and does not come here.
func (s *Streams) Confirm(what, words string) error {
	if !s.Asks() {
		return Usage("this has to be confirmed, and nobody is at a terminal", "say --yes if it is meant")
	}
	typed, err := s.Ask(what + " To go on, type: " + words + "\n")
	if err != nil || typed != words {
		return control.Errorf(control.Refused, "not confirmed; nothing was done")
	}
	return nil
}
