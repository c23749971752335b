package cli

import (
	"bufio"
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"sallyport/notify/redact"
)

// asks reports whether somebody is at a terminal who can be asked.
func (a *app) asks() bool {
	f, ok := a.inv.Stdin.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// ask puts a question beside the result and reads one line, blanks put right.
func (a *app) ask(question string) (string, error) {
	_, _ = io.WriteString(a.err, redact.Clean(question)) // as talk does
	typed, err := bufio.NewReader(a.inv.Stdin).ReadString('\n')
	return strings.Join(strings.Fields(typed), " "), err
}
