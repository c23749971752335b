package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sallyport/agent/asuser"
	"sallyport/agent/fault"
	"sallyport/agent/packer"
	"sallyport/agent/proc"
	"sallyport/notify/redact"
	"sallyport/store/disk"
)

// errCanceled is the refusal of an apply that somebody interrupted in time.
var errCanceled = errors.New("canceled before it started")

// apply checks everything, executes terraform and waits for it. An error means that terraform was not executed; how
// it ended when it was is in r.
func (p *process) apply(j Job, r *Result) error {
	call, err := p.verify(j)
	if err != nil {
		return err
	}
	if err := p.clearErroredState(j); err != nil {
		return err
	}
	end, err := p.lendRole(j)
	if err != nil {
		return err
	}
	defer end()
	cmd, mark, closeOutput, err := p.command(j, call)
	if err != nil {
		return err
	}
	defer closeOutput()
	if p.canceled() {
		return errCanceled
	}
	fault.Point("apply-run: prepared")
	if err := p.claim(j); err != nil {
		return err
	}
	if p.among != nil && p.canceled() { // to claim may have taken its time
		return errCanceled
	}
	// From here on a crash means that nobody knows: the mark must be on the disk before terraform is executed.
	if err := createJSON(p.dir, startedFile, mark); err != nil {
		return fmt.Errorf("marking the start of terraform: %w", err)
	}
	fault.Point("apply-run: start marked")
	if err := p.among.Doubted(); err != nil {
		return err
	}
	r.StartedAt = now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("executing terraform: %w", err)
	}
	fault.Point("apply-run: terraform started")
	p.log.Info("terraform runs", "run", j.Run, "terraform_pid", cmd.Process.Pid)
	r.Interrupted = p.wait(cmd)
	fault.Point("apply-run: terraform ended")
	r.ExitCode = cmd.ProcessState.ExitCode()
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		r.Signal = unix.SignalName(ws.Signal())
	}
	if j.Engine == EnginePacker {
		p.keepManifest()
		return nil
	}
	r.ErroredState = p.keepErroredState(j)
	return nil
}

// lendRole takes on the job's role in AWS, if it has one, for as long as terraform runs.
func (p *process) lendRole(j Job) (end func(), err error) {
	if j.AWS == nil {
		return func() {}, nil
	}
	role := j.AWS.AWS
	role.ExternalID = redact.NewSecret(j.AWS.ExternalID)
	return role.Lend(context.Background(), j.AWS.Dir, j.User, func(err error) {
		p.log.Error("renewing the credentials of AWS; it is tried again", "run", j.Run, "err", err)
	})
}

// command prepares terraform. Its output goes to files and not through the runner, so that it does not depend on the
// runner being alive; it is in a process group of its own, so that nothing signals it but [process.interrupt]; and
// there is no parent-death signal. It gets no other file of ours: a provisioner let go of the lock that it had inherited, and
// an apply that was at work looked as if nobody had seen its end.
func (p *process) command(j Job, call packer.Call) (cmd *exec.Cmd, mark startMark, closeOutput func(), err error) {
	temp, removeTemp, err := proc.TempDir(filepath.Join(p.dir, tempDir))
	if err == nil {
		err = j.User.Own(temp)
	}
	if err != nil {
		return nil, mark, nil, err
	}
	stdout, err := p.output(streamFile)
	if err != nil {
		return nil, mark, nil, err
	}
	stderr, err := p.output(stderrFile)
	if err != nil {
		stdout.Close()
		return nil, mark, nil, err
	}
	if filepath.Dir(temp) != p.dir {
		mark.Temp = temp
	}
	cmd = exec.Command(j.Terraform, call.Args...)
	cmd.Dir = call.Dir
	cmd.Env = environment(j.Env, temp)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	proc.OwnGroup(cmd)
	proc.Lend(cmd, j.User.Capabilities())
	if j.User != nil {
		cmd.Path, cmd.Env = asuser.Executable, append(cmd.Env, j.User.Environ(asuser.Program{Path: j.Terraform}))
	}
	return cmd, mark, func() {
		stdout.Close()
		stderr.Close()
		_ = removeTemp() // of a short one, which [Clean] does not find later
	}, nil
}

// arguments are terraform's. -auto-approve is implied by a saved plan, and spelled out so that no version asks. Vars, the file with
// the values of ephemeral variables, can be empty.
func arguments(j Job, plan, vars string) []string {
	args := []string{"apply", "-no-color", "-input=false", "-json", "-auto-approve"}
	if j.NoLock {
		args = append(args, "-lock=false")
	} else {
		args = append(args, fmt.Sprintf("-lock-timeout=%ds", int(j.LockTimeout.Seconds())))
	}
	if vars != "" {
		args = append(args, "-var-file="+vars)
	}
	return append(args, plan)
}

// environment is the job's with TMPDIR in the run's directory. Elsewhere a restart of the service could clear it away
// (systemd's PrivateTmp does) under a terraform that runs on.
func environment(env []string, temp string) []string {
	out := make([]string, 0, len(env)+1)
	for _, kv := range env {
		if !strings.HasPrefix(kv, "TMPDIR=") {
			out = append(out, kv)
		}
	}
	return append(out, "TMPDIR="+temp)
}

func (p *process) output(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(p.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a file for terraform's output: %w", err)
	}
	return f, nil
}

// clearErroredState removes an errored.tfstate that came with the checkout: somebody committed one. Left there it
// would later be taken for the state of this apply.
func (p *process) clearErroredState(j Job) error {
	root, name, err := p.checkout(j, erroredFile)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := disk.IgnoreMissing(root.Remove(name)); err != nil {
		return fmt.Errorf("removing the %s of the checkout: %w", erroredFile, err)
	}
	return nil
}

// checkout opens the directory below which terraform works, and returns the name that a file of the root module's directory has
// in it. What belongs to another user is reached from a directory that is not, so that no link of theirs leads out of it.
func (p *process) checkout(j Job, file string) (*os.Root, string, error) {
	root, name, err := rootOf(p.dir, filepath.Join(j.Dir, file))
	if err != nil {
		return nil, "", fmt.Errorf("opening the checkout: %w", err)
	}
	return root, name, nil
}

// keepErroredState brings the state that terraform could not save out of the checkout, which is thrown away, into the
// run's directory. If that is impossible it stays where it is; either way its path is returned.
func (p *process) keepErroredState(j Job) string {
	from := filepath.Join(j.Dir, erroredFile)
	if !exists(from) {
		return ""
	}
	to, err := KeepState(p.dir, from)
	fault.Point("apply-run: state rescued")
	if err == nil && to == "" {
		p.log.Error("what lies in the place of the state that terraform could not save is not one that it writes: a link, a pipe, or too large", "path", from)
	}
	if err == nil {
		return to
	}
	p.log.Error("keeping the state that terraform could not save; it stays in the checkout", "path", from, "err", err)
	return from
}
