package cli

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

// streams are what a call reads and prints: results on stdout, talk on stderr.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	json           bool // results are JSON

	out *colorprofile.Writer // stdout for people: takes colours away where they are not wanted
	err *colorprofile.Writer // stderr for people
}

func newStreams(inv Invocation) *streams {
	s := &streams{
		stdin: inv.Stdin, stdout: inv.Stdout, stderr: inv.Stderr, environ: inv.Environ,
		out: colorprofile.NewWriter(inv.Stdout, inv.Environ),
		err: colorprofile.NewWriter(inv.Stderr, inv.Environ),
	}
	if env(inv.Environ, "NO_COLOR", "") != "" { // whatever its value, and neither bold nor faint
		s.out.Profile, s.err.Profile = colorprofile.NoTTY, colorprofile.NoTTY
	}
	return s
}

// say prints a line of a result. What comes from outside was cleaned by whoever calls.
func (s *streams) say(format string, args ...any) error {
	_, err := fmt.Fprintf(s.out, format+"\n", args...)
	return printed(err)
}

// talk prints a line beside the result, cleaned of what could take over the terminal. An error is not worth an error: there is
// nowhere to tell it.
func (s *streams) talk(format string, args ...any) {
	_, _ = fmt.Fprintln(s.err, redact.Clean(fmt.Sprintf(format, args...)))
}

// write prints a text that holds colours of our own and was cleaned before it got them.
func (s *streams) write(text string) error {
	_, err := io.WriteString(s.out, text)
	return printed(err)
}

// coloured is a long text in colours, where they are seen: it spares the work for a pipe.
func (s *streams) coloured(text string, colour func(string) string) string {
	if s.out.Profile > colorprofile.ASCII {
		return colour(text)
	}
	return text
}

// page prints a text, with the person's pager where it is longer than their screen. Without a pager last is printed at the end: it is what
// stays on the screen; first stands before it elsewhere.
func (s *streams) page(ctx context.Context, first, text, last string) error {
	all := first + text
	_, lines := screen.Of(s.stdout)
	if lines == 0 || strings.Count(all, "\n") < lines {
		return s.write(all)
	}
	var fit strings.Builder
	if _, err := (&colorprofile.Writer{Forward: &fit, Profile: s.out.Profile}).WriteString(all); err != nil {
		return printed(err)
	}
	shown, err := screen.Pager{Environ: s.environ, Terminal: s.stdout.(*os.File), Errors: s.stderr}.Page(ctx, fit.String())
	if shown || err != nil {
		return err
	}
	return s.write(text + last)
}

// wide is how wide tables may be; 0: as wide as they are.
func (s *streams) wide() int {
	columns, _ := screen.Of(s.stdout)
	return columns
}

// writeJSON prints one value for machines: indented, and with & and < as they are.
func (s *streams) writeJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	_, err := s.stdout.Write(b.Bytes())
	return printed(err)
}

// result prints a value for machines or a line for people.
func (s *streams) result(v any, format string, args ...any) error {
	if s.json {
		return s.writeJSON(v)
	}
	return s.say("%s", redact.CleanLine(fmt.Sprintf(format, args...)))
}

func printed(err error) error {
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// complain tells an error and what to do about it.
func (s *streams) complain(err error) {
	var faults *config.Faults
	if errors.As(err, &faults) {
		// Rendering shows the lines at fault; without a terminal, too, it is what people read.
		_ = faults.Render(s.err, s.colour(), s.width())
		s.talk("sallyport: error: the configuration is not valid: %s", words.CountOf(len(faults.List()), "fault", "faults"))
		s.talk("hint: mend what is shown above; sallyport check tries it again")
		return
	}
	s.talk("sallyport: error: %s", redact.Clean(err.Error()))
	if next := hint.Of(err); next != "" {
		s.talk("hint: %s", redact.Clean(next))
	}
}

// colour reports whether stderr shows colours.
func (s *streams) colour() bool { return s.err.Profile > colorprofile.ASCII }

// width is how wide the terminal at stderr is; 0 if there is none.
func (s *streams) width() int {
	columns, _ := screen.Of(s.stderr)
	return columns
}

// asks reports whether somebody is at a terminal who can be asked.
func (s *streams) asks() bool {
	f, ok := s.stdin.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// person is who types or pipes values in.
func (s *streams) person() given.Person {
	p := given.Person{Stdin: s.stdin, Prompt: s.err, Talk: func(line string) { s.talk("%s", line) }}
	if s.asks() {
		p.Terminal = s.stdin.(*os.File)
	}
	return p
}

// ask puts a question beside the result and reads one line, blanks put right.
func (s *streams) ask(question string) (string, error) {
	_, _ = io.WriteString(s.err, redact.Clean(question)) // as talk does
	typed, err := bufio.NewReader(s.stdin).ReadString('\n')
	return strings.Join(strings.Fields(typed), " "), err
}

// confirm lets a person type words before something that is hard to take back. Nobody is asked where nobody can answer: a
// script that means it says --yes, and does not come here.
func (s *streams) confirm(what, words string) error {
	if !s.asks() {
		return &usageError{"this has to be confirmed, and nobody is at a terminal", "say --yes if it is meant"}
	}
	typed, err := s.ask(what + " To go on, type: " + words + "\n")
	if err != nil || typed != words {
		return control.Errorf(control.Refused, "not confirmed; nothing was done")
	}
	return nil
}
