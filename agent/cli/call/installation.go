package call

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/control/offline"
	"sallyport/agent/control/socket"
	"sallyport/agent/hint"
	"sallyport/agent/rundir"
	"sallyport/agent/runner"
	"sallyport/agent/status"
)

// Installation says which agent is meant: by its configuration, or by its socket alone.
type Installation struct {
	Config string // path of a file or a directory
	Socket string // empty: the configuration tells
	// Hears is told the version of the agent with each of its answers; nil: nobody is.
	Hears func(version string)
}

// Client is how the agent is reached. The configuration is read only if --socket does not say it.
func (i *Installation) Client() (*socket.Client, error) {
	path := i.Socket
	if path == "" {
		c, err := i.ClientConfig()
		if err != nil {
			return nil, err
		}
		path = c.Socket
	}
	client := socket.NewClient(path)
	client.Hears(i.Hears)
	return client, nil
}

// ClientConfig reads socket and data directory from the configuration.
func (i *Installation) ClientConfig() (config.Client, error) {
	c, err := config.LoadClient(i.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, control.Errorf(control.NotFound, "there is no configuration at %s", i.Config).
			WithHint("name it with --config FILE, or the agent's socket with --socket PATH; SALLYPORT_CONFIG and SALLYPORT_SOCKET name them, too")
	case errors.Is(err, fs.ErrPermission):
		return c, control.Errorf(control.Refused, "reading the configuration %s: permission denied", i.Config).
			WithHint("use sudo, or name the agent's socket with --socket PATH")
	}
	return c, err
}

// LoadConfig reads the whole configuration, as the agent does. A socket on the command line wins.
func (i *Installation) LoadConfig() (*config.Config, error) {
	c, err := config.Load(i.Config, config.LoadOptions{})
	if err != nil {
		return nil, ConfigError(i.Config, err)
	}
	if err := c.CheckPrograms(os.Getenv("PATH")); err != nil {
		return nil, err
	}
	if i.Socket != "" {
		if c.Socket, err = filepath.Abs(i.Socket); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Offline opens the data directory of the configuration for reading.
func (i *Installation) Offline() (*offline.Reader, error) {
	c, err := i.ClientConfig()
	if err != nil {
		return nil, err
	}
	return offline.Open(offline.Options{
		DataDir: c.DataDir, Status: status.Offline, Log: rundir.ReadKeptLog, Process: processOf, LookOnly: !c.CLIApprovals,
	})
}

// processOf says how an apply stands that no agent follows; empty where that cannot be seen.
func processOf(runDir string) control.ApplyProcess {
	switch s, err := runner.Attach(runDir); {
	case err != nil:
		return ""
	case s.Phase == runner.Running:
		return control.ProcessLives
	case s.Phase == runner.Finished:
		return control.ProcessEnded
	default:
		return control.ProcessGone
	}
}

// Source is what can be asked with and without an agent.
type Source interface {
	control.Reader
	Backup(context.Context, control.BackupRequest, io.Writer) error
}

// Look asks the agent, or the data directory when no agent answers, and says which on stderr.
func (i *Installation) Look(s *Streams, ask func(Source) error) error {
	// What a look needs is less than a collection is worth: the process ends in a moment.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	client, err := i.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	noAgent := ask(client)
	if !errors.Is(noAgent, socket.ErrNoAgent) {
		return noAgent
	}
	offline, err := i.Offline()
	if err != nil {
		return &nothingToRead{agent: noAgent, data: err, config: i.Socket == ""}
	}
	defer offline.Close()
	s.Talk("sallyport: %s; this is what its data directory says", noAgent)
	if hint := hint.Of(noAgent); hint != "" {
		s.Talk("hint: %s", hint)
	}
	return ask(offline)
}

// nothingToRead says that neither an agent answers nor its data can be read. It is socket.ErrNoAgent.
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

// UserHint prefers the hint of what was tried last, but for somebody who may not speak to an agent: that is what they lack.
func (e *nothingToRead) UserHint() string {
	var gone *socket.NoAgentError
	if errors.As(e.agent, &gone) && gone.NotAllowed() {
		return gone.UserHint()
	}
	if next := hint.Of(e.data); next != "" && !e.agentOnly() {
		return next
	}
	return hint.Of(e.agent)
}

// ConfigError words the errors of reading a configuration that are about no line in it.
func ConfigError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return control.Errorf(control.NotFound, "there is no configuration at %s", path).WithHint("name it with --config FILE, or in SALLYPORT_CONFIG")
	case errors.Is(err, fs.ErrPermission):
		return control.Errorf(control.Refused, "reading the configuration %s: permission denied", path).WithHint("use sudo")
	}
	return err
}
