package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"sallyport/agent"
	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/hint"
	"sallyport/agent/status"
	"sallyport/notify/redact"
)

// app is what the verbs of one call share.
type app struct {
	inv        Invocation
	configPath string
	socket     string // empty: the configuration tells
	json       bool

	out *colorprofile.Writer // for people: takes colours away where they are not wanted
	err *colorprofile.Writer
}

func newApp(inv Invocation) *app {
	return &app{
		inv: inv,
		out: colorprofile.NewWriter(inv.Stdout, inv.Environ),
		err: colorprofile.NewWriter(inv.Stderr, inv.Environ),
	}
}

// env is an environment variable, or a fallback when it is not set or empty.
func (a *app) env(name, fallback string) string {
	for _, kv := range a.inv.Environ {
		if k, v, ok := strings.Cut(kv, "="); ok && k == name && v != "" {
			return v
		}
	}
	return fallback
}

func (a *app) now() time.Time { return a.inv.Now() }

// say prints a line of a result, cleaned of what could take over the terminal. Styles are put around words later.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintf(a.out, format+"\n", args...)
	return printed(err)
}

// talk prints a line beside the result. An error is not worth an error: there is nowhere to tell it.
func (a *app) talk(format string, args ...any) {
	_, _ = fmt.Fprintln(a.err, redact.Clean(fmt.Sprintf(format, args...)))
}

// write prints a text that holds colours of our own and was cleaned before it got them.
func (a *app) write(text string) error {
	_, err := io.WriteString(a.out, text)
	return printed(err)
}

// writeJSON prints one value for machines: indented, and with & and < as they are.
func (a *app) writeJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	_, err := a.inv.Stdout.Write(b.Bytes())
	return printed(err)
}

// result prints a value for machines or a line for people.
func (a *app) result(v any, format string, args ...any) error {
	if a.json {
		return a.writeJSON(v)
	}
	return a.say("%s", redact.CleanLine(fmt.Sprintf(format, args...)))
}

func printed(err error) error {
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}

// complain tells an error and what to do about it.
func (a *app) complain(err error) {
	var faults *config.Faults
	if errors.As(err, &faults) {
		// Rendering shows the lines at fault; without a terminal, too, it is what people read.
		_ = faults.Render(a.err, a.colour(), a.width())
		a.talk("sallyport: error: the configuration is not valid: %s", count(len(faults.List()), "fault", "faults"))
		a.talk("hint: mend what is shown above; sallyport check tries it again")
		return
	}
	a.talk("sallyport: error: %s", redact.Clean(err.Error()))
	if next := hint.Of(err); next != "" {
		a.talk("hint: %s", redact.Clean(next))
	}
}

// colour says whether stderr shows colours.
func (a *app) colour() bool { return a.err.Profile > colorprofile.ASCII }

// width is how wide the terminal at stderr is; 0 if there is none.
func (a *app) width() int {
	f, ok := a.inv.Stderr.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(f.Fd())
	if err != nil {
		return 0
	}
	return w
}

// client is how the agent is reached. The configuration is read only if --socket does not say it.
func (a *app) client() (*control.Client, error) {
	if a.socket != "" {
		return control.NewClient(a.socket), nil
	}
	c, err := a.clientConfig()
	if err != nil {
		return nil, err
	}
	return control.NewClient(c.Socket), nil
}

// clientConfig reads socket and data directory from the configuration.
func (a *app) clientConfig() (config.Client, error) {
	c, err := config.LoadClient(a.configPath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, control.Errorf(control.NotFound, "there is no configuration at %s", a.configPath).
			WithHint("name it with --config FILE, or the agent's socket with --socket PATH")
	case errors.Is(err, fs.ErrPermission):
		return c, control.Errorf(control.Refused, "reading the configuration %s: permission denied", a.configPath).
			WithHint("use sudo, or name the agent's socket with --socket PATH")
	}
	return c, err
}

// offline opens the data directory of the configuration for reading.
func (a *app) offline() (*control.Offline, error) {
	c, err := a.clientConfig()
	if err != nil {
		return nil, err
	}
	return control.OpenOffline(control.OfflineOptions{
		DataDir: c.DataDir, Status: status.Offline, Log: agent.ReadKeptLog, LookOnly: !c.CLIApprovals,
	})
}

// source is what can be asked with and without an agent.
type source interface {
	control.Reader
	Backup(context.Context, control.BackupRequest, io.Writer) error
}

// look asks the agent, or the data directory when no agent answers, and says which on stderr.
func (a *app) look(ask func(source) error) error {
	// What a look needs is less than a collection is worth: the process ends in a moment.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	noAgent := ask(client)
	if !errors.Is(noAgent, control.ErrNoAgent) {
		return noAgent
	}
	offline, err := a.offline()
	if err != nil {
		return &nothingToRead{agent: noAgent, data: err, config: a.socket == ""}
	}
	defer offline.Close()
	a.talk("sallyport: %s; this is what its data directory says", noAgent)
	if hint := hint.Of(noAgent); hint != "" {
		a.talk("hint: %s", hint)
	}
	return ask(offline)
}

// nothingToRead says that neither an agent answers nor its data can be read. It is control.ErrNoAgent.
type nothingToRead struct {
	agent, data error
	config      bool // a configuration was meant to say where both are
}

// agentOnly: with --socket nobody spoke of a data directory, so that there is none is not worth a word.
func (e *nothingToRead) agentOnly() bool {
	var missing *control.Error
	return !e.config && errors.As(e.data, &missing) && missing.Kind == control.NotFound
}

func (e *nothingToRead) Error() string {
	if e.agentOnly() {
		return e.agent.Error()
	}
	return e.agent.Error() + "; reading its data instead: " + e.data.Error()
}

func (e *nothingToRead) Unwrap() []error { return []error{e.agent, e.data} }

// UserHint prefers the hint of what was tried last.
func (e *nothingToRead) UserHint() string {
	if next := hint.Of(e.data); next != "" && !e.agentOnly() {
		return next
	}
	return hint.Of(e.agent)
}
