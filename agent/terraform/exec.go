package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
)

// maxOutput bounds what is shown of terraform's stderr, in bytes. More is kept, so that the end of a secret whose beginning was
// dropped is not shown.
const (
	maxOutput  = 64 << 10
	keptOutput = maxOutput + 64<<10
)

// session runs terraform in one root module with one environment.
type session struct {
	tf     *tfexec.Terraform
	kept   *tfexec.Terraform // the same by a keeper, for what runs code of the repository's; nil: there is none
	tool   binary.Tool
	dir    string
	env    []string
	user   *asuser.User // whom terraform runs as; nil: the agent's own
	redact func(string) string
	spent  time.Duration // in terraform's processes
	began  time.Time     // the operation under way
	grace  time.Duration // see [PlanOptions.Grace]
}

// initialise runs init. The environment is init's own: it may hold credentials that nothing else gets.
func (s *session) initialise(ctx context.Context, env []string, opts ...tfexec.InitOption) ([]diag.Diagnostic, error) {
	return s.run(ctx, "init", env, func(sink *jsonlog.Sink) error {
		if !s.tool.AtLeast(1, 9) { // init -json came with 1.9
			return s.tf.Init(ctx, opts...)
		}
		return s.tf.InitJSON(ctx, sink, opts...)
	})
}

// plan runs plan and reports whether there is anything to apply.
func (s *session) plan(ctx context.Context, opts ...tfexec.PlanOption) (changes bool, diags []diag.Diagnostic, err error) {
	if s.kept != nil { // in the place of the other, for this one operation
		direct := s.tf
		s.tf = s.kept
		defer func() { s.tf = direct }()
	}
	diags, err = s.run(ctx, "plan", s.env, func(sink *jsonlog.Sink) (err error) {
		changes, err = s.tf.PlanJSON(ctx, sink, opts...)
		return err
	})
	return changes, diags, err
}

// run calls one operation of terraform-exec and turns what it says into diagnostics or an [diag.Error].
func (s *session) run(ctx context.Context, op string, env []string, f func(*jsonlog.Sink) error) ([]diag.Diagnostic, error) {
	sink, stderr := &jsonlog.Sink{}, &jsonlog.Tail{Most: keptOutput}
	if err := s.prepare(env, stderr); err != nil {
		return nil, &diag.Error{Op: op, ExitCode: -1, Err: err}
	}
	s.began = time.Now()
	err := func() error {
		defer s.guard(ctx, env)() // also when it panics: what guards would go on for ever
		return s.user.Raise(func() error { return f(sink) })
	}()
	s.spent += time.Since(s.began)
	s.tf.SetStdout(nil) // the methods with JSON in their names leave their writer behind
	diags := sink.Diagnostics()
	for i := range diags {
		diags[i] = diags[i].Redacted(s.redact)
	}
	if err == nil {
		return diags, nil
	}
	return diags, s.fail(ctx, op, err, diags, stderr.String())
}

func (s *session) prepare(env []string, stderr io.Writer) error {
	m := make(map[string]string, len(env))
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if k == "TF_INPUT" || k == "TF_IN_AUTOMATION" {
			continue // terraform-exec insists on setting these itself
		}
		m[k] = v
	}
	program, entry := asuser.Program{Path: s.tool.Path, Parent: os.Getpid()}, ""
	switch {
	case s.kept != nil && s.tf == s.kept:
		entry = s.user.KeepEnviron(program)
	case s.user != nil:
		entry = s.user.Environ(program)
	}
	if k, v, ours := strings.Cut(entry, "="); ours {
		m[k] = v
	}
	if err := s.tf.SetEnv(m); err != nil {
		return fmt.Errorf("setting the environment: %w", err)
	}
	s.tf.SetStdout(nil)
	s.tf.SetStderr(stderr)
	return nil
}

// decoration is what terraform writes around its errors where it has no -no-color: colours, and a line on the left.
var decoration = regexp.MustCompile(`(?m)^(\x1b\[[0-9;]*m)*(╷|╵|│)(\x1b\[[0-9;]*m)* ?|\x1b\[[0-9;]*m`)

// fail builds the error of an operation that ended badly.
func (s *session) fail(ctx context.Context, op string, err error, diags []diag.Diagnostic, output string) *diag.Error {
	output = decoration.ReplaceAllString(output, "")
	output = s.redact(strings.TrimSpace(output))
	if extra := len(output) - maxOutput; extra > 0 {
		output = "..." + strings.ToValidUTF8(output[extra:], "")
	}
	e := &diag.Error{Op: op, Diagnostics: diags, ExitCode: -1, Output: output}
	var exit *exec.ExitError
	e.Killed = errors.As(err, &exit) && exit.ExitCode() < 0
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
	case errors.As(err, &exit):
		e.ExitCode = exit.ExitCode()
		if e.ExitCode < 0 {
			e.Err = fmt.Errorf("terraform was ended by a signal: %s", exit.ProcessState)
		}
	default:
		e.Err = err
	}
	e.Judge(diag.Period{Began: s.began, Ended: time.Now()})
	e.Transient = e.Transient && ctx.Err() == nil
	if errors.Is(e.Err, context.DeadlineExceeded) && e.Hint == "" {
		e.Hint = "terraform was stopped: it hung, in a provider or at a host that does not answer, or the stack needs more time: " +
			"set plan_timeout of the stack. Then: sallyport plan STACK"
	}
	return e
}

// stream runs terraform show with a reader of its output. terraform-exec would hold the whole output in memory, the
// JSON even twice, and plans of tens of megabytes exist. Several may run at a time; the time that they take is the caller's to add.
func (s *session) stream(ctx context.Context, read func(io.Reader) error, args ...string) error {
	cmd := exec.CommandContext(ctx, s.tool.Path, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	if s.user != nil {
		cmd.Path, cmd.Env = asuser.Executable, append(slices.Clone(s.env), s.user.Environ(asuser.Program{Path: s.tool.Path}))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = s.grace
	stderr := &jsonlog.Tail{Most: keptOutput}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s.fail(ctx, args[0], err, nil, "")
	}
	if err := s.user.Raise(cmd.Start); err != nil {
		return s.fail(ctx, args[0], err, nil, "")
	}
	defer s.guard(ctx, s.env)()
	readErr := read(out)
	_, _ = io.Copy(io.Discard, out) // an unread pipe would stop terraform for ever
	if err := cmd.Wait(); err != nil {
		return s.fail(ctx, args[0], err, nil, stderr.String())
	}
	if readErr != nil {
		return s.fail(ctx, args[0], fmt.Errorf("reading the output: %w", readErr), nil, "")
	}
	return nil
}
