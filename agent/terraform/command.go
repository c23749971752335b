package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
	"sallyport/agent/proc"
)

// CommandOptions are one command of terraform's that a person runs, with their end of its streams.
type CommandOptions struct {
	Args           []string // as after `terraform`
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Keep gets the state before a command that changes it; nil for any other. It is not called where there is none.
	Keep func(current []byte) error
}

// needsVars are the commands that evaluate the configuration.
var needsVars = []string{"import"}

// Command runs a command in the stack's root module, with its binary, backend, workspace and environment, until it ends or ctx
// does; then it is interrupted. Nothing of what it says is redacted: who reads it asked for it, and may want to write a
// state back that they have pulled. It returns terraform's exit code.
//
// Options are used as by [Unlock]. The error is an [*diag.Error] where the command could not be run.
func Command(ctx context.Context, o PlanOptions, c CommandOptions) (exitCode int, err error) {
	if len(c.Args) == 0 {
		return 0, errors.New("running a command: there is none")
	}
	if err := makeBackupDir(o); err != nil {
		return 0, err
	}
	err = inRoot(ctx, o, "running a command in", func(ctx context.Context, p *planner) error {
		if c.Keep != nil {
			text, err := p.pullState(ctx)
			if err != nil {
				return err
			}
			if strings.TrimSpace(text) != "" {
				if err := c.Keep([]byte(text)); err != nil {
					return err
				}
			}
		}
		args, err := p.withVars(c.Args)
		if err != nil {
			return err
		}
		exitCode, err = p.s.command(ctx, c, withoutColour(args))
		return err
	})
	return exitCode, err
}

// makeBackupDir makes the directory into which terraform's commands on a state write a copy of it, in any workspace but the default one,
// whatever the backend: they expect to find it, and change nothing where they do not. Nothing of the repository's has run yet, and what
// it holds leads nowhere else.
func makeBackupDir(o PlanOptions) error {
	if o.Workspace == "" || o.Workspace == defaultWorkspace {
		return nil
	}
	root, err := os.OpenRoot(o.WorkDir)
	if err != nil {
		return fmt.Errorf("making room for copies of the state: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Join("terraform.tfstate.d", o.Workspace), 0o700); err != nil {
		return fmt.Errorf("making room for copies of the state: %w", err)
	}
	return nil
}

// nested are the commands whose second word is a command too.
var nested = []string{"state", "providers", "metadata"}

// withoutColour adds -no-color behind the command's name: terraform colours what goes into a pipe as well, a person's end of its
// streams may be one, and what goes to a terminal is cleaned of escape sequences anyway.
func withoutColour(args []string) []string {
	const flag = "-no-color"
	if slices.Contains(args, flag) {
		return args // terraform takes it once
	}
	name := 1
	if slices.Contains(nested, args[0]) && len(args) > 1 && !strings.HasPrefix(args[1], "-") {
		name = 2
	}
	return slices.Insert(slices.Clone(args), name, flag)
}

// withVars adds the stack's variables where the command evaluates the configuration.
func (p *planner) withVars(args []string) ([]string, error) {
	if !slices.Contains(needsVars, args[0]) {
		return args, nil
	}
	files := slices.Clone(p.o.VarFiles)
	values, err := p.vars()
	if err != nil {
		return nil, err
	}
	vars, err := writeVars(p.o.OutDir, values)
	if err != nil {
		return nil, err
	}
	if vars != "" {
		if err := p.o.User.Share(vars); err != nil {
			return nil, err
		}
		files = append(files, vars)
	}
	out := []string{args[0]}
	for _, f := range files {
		out = append(out, "-var-file="+f)
	}
	return append(out, args[1:]...), nil
}

// command is the process itself. It does not outlive the agent: nobody would know that the stack is being worked on.
func (s *session) command(ctx context.Context, c CommandOptions, args []string) (int, error) {
	cmd := exec.CommandContext(ctx, s.tool.Path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, s.env, c.Stdout, c.Stderr
	if s.user != nil {
		cmd.Path, cmd.Env = asuser.Executable, append(slices.Clone(s.env), s.user.Environ(asuser.Program{Path: s.tool.Path, Parent: os.Getpid()}))
	} else {
		defer proc.DieWithUs(cmd, syscall.SIGTERM)()
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = s.grace
	// Not cmd.Stdin: Wait would wait for whoever sits at a keyboard after the command has ended.
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, s.fail(ctx, args[0], err, nil, "")
	}
	if err := s.user.Raise(cmd.Start); err != nil {
		return 0, s.fail(ctx, args[0], err, nil, "")
	}
	defer s.guard(ctx, s.env)()
	var helper contain.Carrier
	helper.Go("passing input on to terraform", func() {
		defer func() { _ = in.Close() }()
		_, _ = io.Copy(in, c.Stdin) // ends with the command, or with the person
	})
	err = cmd.Wait()
	helper.Deliver()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode(), nil
	case ctx.Err() != nil:
		return 0, fmt.Errorf("terraform %s was interrupted: %w", args[0], context.Cause(ctx))
	}
	return 0, s.fail(ctx, args[0], err, nil, "")
}
