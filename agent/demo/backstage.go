package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sallyport/agent/control/socket"
	"sallyport/agent/datadir"
	"sallyport/agent/proc"
	"sallyport/agent/runner"
)

const (
	startPatience   = time.Minute
	stopPatience    = time.Minute
	commandPatience = 2 * time.Minute
	// runnerPatience is how long an apply may go on after the demo was interrupted. Those of the demo take seconds.
	runnerPatience = time.Minute
)

// backstage is the agent at work: `sallyport agent`, a process of its own.
type backstage struct {
	executable string
	stage      *stage
	client     *socket.Client

	cmd   *exec.Cmd  // nil: none runs
	ended chan error // its end
}

// command is a call of this program with the demo's configuration, and nothing else of this process's environment.
func (b *backstage) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.executable, args...)
	cmd.Env = []string{"SALLYPORT_CONFIG=" + b.stage.configPath(), "NO_COLOR=1", "LANG=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, is := os.LookupEnv(name); is {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Dir = b.stage.dir
	return cmd
}

// start starts the agent and waits until its socket answers.
func (b *backstage) start(ctx context.Context) error {
	cmd := b.command("agent")
	cmd.Stdout, cmd.Stderr = b.stage.log, b.stage.log
	proc.OwnGroup(cmd) // Ctrl-C is for the demo, which ends it in order
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		release := proc.DieWithUs(cmd, syscall.SIGTERM)
		defer release()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting the agent: %w", err)
	}
	b.cmd, b.ended = cmd, ended
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, errors.New("starting the agent: it is not ready in time"))
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		if _, err := b.client.Status(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case err := <-ended:
			b.cmd = nil
			return fmt.Errorf("the agent has ended at once: %w", errors.Join(err, errors.New("its log says why")))
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), b.stop())
		}
	}
}

// kill ends the agent as nothing else does, and says which process that was.
func (b *backstage) kill() (pid int, err error) {
	pid = b.cmd.Process.Pid
	if err := b.cmd.Process.Kill(); err != nil {
		return pid, fmt.Errorf("killing the agent: %w", err)
	}
	<-b.ended
	b.cmd = nil
	return pid, nil
}

// canKillAll reports why killAll cannot do its work here: a machine may hide processes from whoever is not root.
func (b *backstage) canKillAll() error {
	_, err := proc.Descendants(b.cmd.Process.Pid)
	return err
}

// killAll ends the agent and all that it has started as nothing else does.
func (b *backstage) killAll() error {
	below, err := proc.Descendants(b.cmd.Process.Pid)
	if err != nil {
		return fmt.Errorf("looking for the apply's processes: %w", err)
	}
	if _, err := b.kill(); err != nil {
		return err
	}
	for _, p := range below {
		p.Kill()
	}
	return nil
}

// stop ends the agent, and waits for an apply that goes on by itself, as applies do: its files are about to go.
func (b *backstage) stop() error {
	var stopped error
	if b.cmd != nil {
		_ = b.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case err := <-b.ended:
			if err != nil {
				stopped = fmt.Errorf("the agent has ended with an error: %w", err)
			}
		case <-time.After(stopPatience):
			_ = b.cmd.Process.Kill()
			stopped = errors.Join(errors.New("the agent did not stop in time"), <-b.ended)
		}
		b.cmd = nil
	}
	dataDir := b.stage.config.DataDir
	entries, err := os.ReadDir(datadir.Runs(dataDir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return errors.Join(stopped, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), runnerPatience)
	defer cancel()
	for _, e := range entries {
		if _, err := runner.Follow(ctx, filepath.Join(datadir.Runs(dataDir), e.Name()), nil); err != nil {
			return errors.Join(stopped, fmt.Errorf("waiting for an apply to end: %w", err))
		}
	}
	return stopped
}

// run calls this program as a person does, and returns what it printed.
func (b *backstage) run(ctx context.Context, args ...string) (string, error) {
	cmd := b.command(args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	proc.OwnGroup(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = nil // what it said is part of the story
		}
		return strings.TrimRight(out.String(), "\n"), err
	case <-time.After(commandPatience):
		return "", errors.Join(fmt.Errorf("sallyport %s does not end", strings.Join(args, " ")), proc.EndGroup(cmd, syscall.SIGKILL))
	case <-ctx.Done():
		return "", errors.Join(context.Cause(ctx), proc.EndGroup(cmd, syscall.SIGKILL))
	}
}
