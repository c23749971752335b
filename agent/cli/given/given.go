// Package given reads the values that a person gives to variables that are not in git: typed at a terminal, unseen, or piped in. On
// a command line they would be in everybody's ps.
package given

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"sallyport/agent/control"
	"sallyport/notify/redact"
)

// maxValues bounds what is read from stdin; a request takes less.
const maxValues = 1 << 20

// Person is who gives them.
type Person struct {
	Terminal *os.File  // where they can be asked; nil: nowhere
	Stdin    io.Reader // what they pipe in; nil: nothing
	Prompt   io.Writer
	Talk     func(line string)
}

// Values are the values that --var gives: NAME=VALUE as it stands, NAME from the terminal, unseen, or from stdin. There one
// name takes all of it, without the last line end, and several take a line each.
func (p Person) Values(given []string) (map[string]string, error) {
	values := map[string]string{}
	var asked []string
	for _, pair := range given {
		name, value, shown := strings.Cut(pair, "=")
		if name == "" {
			return nil, control.Errorf(control.Usage, "--var names no variable").WithHint("--var NAME") // not quoted: it may be a secret
		}
		if shown {
			p.Talk(fmt.Sprintf("sallyport: warning: --var %s=... shows the value to every user of this machine; --var %s asks for it, or reads stdin", name, name))
			values[name] = value
			continue
		}
		asked = append(asked, name)
	}
	if len(asked) == 0 {
		return values, nil
	}
	if p.Terminal != nil {
		return values, p.typeIn(asked, values)
	}
	return values, p.readIn(asked, values)
}

// typeIn asks for values at the terminal, which does not show them.
func (p Person) typeIn(names []string, values map[string]string) error {
	for _, name := range names {
		_, _ = fmt.Fprintf(p.Prompt, "value of %s (it is not shown): ", redact.CleanLine(name))
		value, err := term.ReadPassword(p.Terminal.Fd())
		p.Talk("")
		if err != nil {
			return fmt.Errorf("reading the value of %s: %w", name, err)
		}
		values[name] = string(value)
	}
	return nil
}

func (p Person) readIn(names []string, values map[string]string) error {
	var text []byte
	if p.Stdin != nil {
		var err error
		if text, err = io.ReadAll(io.LimitReader(p.Stdin, maxValues)); err != nil {
			return fmt.Errorf("reading the values of --var: %w", err)
		}
	}
	left := strings.TrimSuffix(string(text), "\n")
	for i, name := range names {
		if len(text) == 0 || i > 0 && left == "" {
			return control.Errorf(control.Usage, "--var %s has no value", redact.CleanLine(name)).
				WithHint("type it at a terminal, or pipe it in: one value alone, several in a line each")
		}
		if len(names) == 1 {
			values[name] = left
			return nil
		}
		values[name], left, _ = strings.Cut(left, "\n")
	}
	if left != "" {
		return control.Errorf(control.Usage, "stdin has more lines than --var has names").WithHint("a line for each --var NAME")
	}
	return nil
}
