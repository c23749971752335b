package cli

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
	"sallyport/agent/status"
)

// installation says which agent is meant: by its configuration, or by its socket alone.
type installation struct {
	config string // path of a file or a directory
	socket string // empty: the configuration tells
	// hears is told the version of the agent with each of its answers; nil: nobody is.
	hears func(version string)
}

// client is how the agent is reached. The configuration is read only if --socket does not say it.
func (i *installation) client() (*socket.Client, error) {
	path := i.socket
	if path == "" {
		c, err := i.clientConfig()
		if err != nil {
			return nil, err
		}
		path = c.Socket
	}
	client := socket.NewClient(path)
	client.Hears(i.hears)
	return client, nil
}

// clientConfig reads socket and data directory from the configuration.
func (i *installation) clientConfig() (config.Client, error) {
	c, err := config.LoadClient(i.config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, control.Errorf(control.NotFound, "there is no configuration at %s", i.config).
			WithHint("name it with --config FILE, or the agent's socket with --socket PATH; SALLYPORT_CONFIG and SALLYPORT_SOCKET name them, too")
	case errors.Is(err, fs.ErrPermission):
		return c, control.Errorf(control.Refused, "reading the configuration %s: permission denied", i.config).
			WithHint("use sudo, or name the agent's socket with --socket PATH")
	}
	return c, err
}

// loadConfig reads the whole configuration, as the agent does. A socket on the command line wins.
func (i *installation) loadConfig() (*config.Config, error) {
	c, err := config.Load(i.config, config.LoadOptions{})
	if err != nil {
		return nil, configError(i.config, err)
	}
	if err := c.CheckPrograms(os.Getenv("PATH")); err != nil {
		return nil, err
	}
	if i.socket != "" {
		if c.Socket, err = filepath.Abs(i.socket); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// offline opens the data directory of the configuration for reading.
func (i *installation) offline() (*offline.Reader, error) {
	c, err := i.clientConfig()
	if err != nil {
		return nil, err
	}
	return offline.Open(offline.Options{
		DataDir: c.DataDir, Status: status.Offline, Log: rundir.ReadKeptLog, LookOnly: !c.CLIApprovals,
	})
}

// source is what can be asked with and without an agent.
type source interface {
	control.Reader
	Backup(context.Context, control.BackupRequest, io.Writer) error
}

// look asks the agent, or the data directory when no agent answers, and says which on stderr.
func (i *installation) look(s *streams, ask func(source) error) error {
	// What a look needs is less than a collection is worth: the process ends in a moment.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	client, err := i.client()
	if err != nil {
		return err
	}
	defer client.Close()
	noAgent := ask(client)
	if !errors.Is(noAgent, socket.ErrNoAgent) {
		return noAgent
	}
	offline, err := i.offline()
	if err != nil {
		return &nothingToRead{agent: noAgent, data: err, config: i.socket == ""}
	}
	defer offline.Close()
	s.talk("sallyport: %s; this is what its data directory says", noAgent)
	if hint := hint.Of(noAgent); hint != "" {
		s.talk("hint: %s", hint)
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

// UserHint prefers the hint of what was tried last.
func (e *nothingToRead) UserHint() string {
	if next := hint.Of(e.data); next != "" && !e.agentOnly() {
		return next
	}
	return hint.Of(e.agent)
}
