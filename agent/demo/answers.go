package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"
)

// answers are what the person types. One goroutine reads, so that Ctrl-C is obeyed while nobody types.
type answers struct {
	yes    bool
	alone  bool // nobody was ever there to answer, so that the demo does
	given  bool // somebody has answered once
	paces  bool // somebody at a terminal goes from scene to scene
	silent bool // no terminal has shown what was typed
	lines  chan string
	end    chan error // why no more lines come
}

// maxAnswer bounds one line, in bytes.
const maxAnswer = 4096

func newAnswers(o Options) *answers {
	a := &answers{yes: o.Yes, lines: make(chan string), end: make(chan error, 1)}
	f, ok := o.Stdin.(*os.File)
	a.silent = !ok || !term.IsTerminal(f.Fd())
	a.paces = !o.Yes && (!a.silent || o.paced)
	if !o.Yes {
		go a.read(o.Stdin)
	}
	return a
}

// paced reports whether somebody at a terminal goes from scene to scene.
func (a *answers) paced() bool { return a.paces }

// read ends with the input, or with the program: a read from a terminal cannot be interrupted.
func (a *answers) read(r io.Reader) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxAnswer)
	for in.Scan() {
		a.lines <- in.Text()
	}
	err := in.Err()
	if err == nil {
		err = io.EOF
	}
	a.end <- err
}

// next is the next line. With --yes it is the proposal, and so it is where nobody can answer at all, as in a script or without a
// terminal: who runs the demo wants to see it.
func (a *answers) next(ctx context.Context, proposal string) (string, error) {
	if a.yes {
		return proposal, ctx.Err()
	}
	select {
	case line := <-a.lines:
		a.given = true
		return strings.TrimSpace(line), nil
	case err := <-a.end:
		if errors.Is(err, io.EOF) {
			if a.silent && !a.paces && !a.given {
				a.yes, a.alone = true, true
				return proposal, ctx.Err()
			}
			err = errLeft
		}
		a.end <- err // the next question gets the same answer
		return "", err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
