package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"sallyport/notify/redact"
)

// maxValues bounds what is read from stdin; a request takes less.
const maxValues = 1 << 20

// variables are the values that --var gives: NAME=VALUE as it stands, NAME from the terminal, unseen, or from stdin. There one
// name takes all of it, without the last line end, and several take a line each.
func variables(s *streams, given []string) (map[string]string, error) {
	values := map[string]string{}
	var asked []string
	for _, pair := range given {
		name, value, shown := strings.Cut(pair, "=")
		if name == "" {
			return nil, &usageError{"--var names no variable", "--var NAME"} // not quoted: it may be a secret
		}
		if shown {
			s.talk("sallyport: warning: --var %s=... shows the value to every user of this machine; --var %s asks for it, or reads stdin", name, name)
			values[name] = value
			continue
		}
		asked = append(asked, name)
	}
	if len(asked) == 0 {
		return values, nil
	}
	if s.asks() {
		return values, typeIn(s, asked, values)
	}
	return values, readIn(s, asked, values)
}

// typeIn asks for values at the terminal, which does not show them.
func typeIn(s *streams, names []string, values map[string]string) error {
	for _, name := range names {
		_, _ = fmt.Fprintf(s.err, "value of %s (it is not shown): ", redact.CleanLine(name))
		value, err := term.ReadPassword(s.stdin.(*os.File).Fd())
		s.talk("")
		if err != nil {
			return fmt.Errorf("reading the value of %s: %w", name, err)
		}
		values[name] = string(value)
	}
	return nil
}

func readIn(s *streams, names []string, values map[string]string) error {
	var text []byte
	if s.stdin != nil {
		var err error
		if text, err = io.ReadAll(io.LimitReader(s.stdin, maxValues)); err != nil {
			return fmt.Errorf("reading the values of --var: %w", err)
		}
	}
	left := strings.TrimSuffix(string(text), "\n")
	for i, name := range names {
		if len(text) == 0 || i > 0 && left == "" {
			return &usageError{"--var " + redact.CleanLine(name) + " has no value", "type it at a terminal, or pipe it in: one value alone, several in a line each"}
		}
		if len(names) == 1 {
			values[name] = left
			return nil
		}
		values[name], left, _ = strings.Cut(left, "\n")
	}
	if left != "" {
		return &usageError{"stdin has more lines than --var has names", "a line for each --var NAME"}
	}
	return nil
}
