// Package runner runs one terraform apply, or one build of packer's, in a process of its own that outlives the agent. What
// is said of terraform below holds for packer, but where it says otherwise.
//
// An apply must not depend on the agent: an upgrade, a crash or an out-of-memory kill in the middle of one would
// leave a half-changed state, a lock in the backend, and nobody who knows. So the agent calls [Start], which starts
// its own binary again as `sallyport apply-run RUNDIR` ([Main]) in a session of its own; that process checks the plan,
// runs terraform with its output going to files, and leaves a result file. The agent looks on from outside with
// [Attach] and [Follow], the same way whether it started the runner itself or came back after a crash.
//
// # The files of a run
//
// All of them lie in the run's directory (0700), all are 0600:
//
//	lock          flock(2): held as long as the runner lives, which waits for all that terraform started
//	claim         made once, O_EXCL, before anything else: whoever finds one never starts this apply again
//	runner.json   which process the runner is
//	cancel        made by [Interrupt]: somebody asked to stop
//	apply/        the runner's private copy of the plan, the bytes whose digest was checked; removed at the end. Of a
//	              build: of its recipe and of all that it names; packer works in there
//	started       made once, O_EXCL, right before terraform is executed
//	apply.jsonl   terraform's standard output (-json); a file, since terraform dies of SIGPIPE with a pipe's reader.
//	              packer's is its -machine-readable lines
//	apply.err     terraform's standard error
//	runner.log    what the runner itself has to say
//	result.json   how it ended; appears whole or not at all
//	vacated       nothing of it lives any more
//	manifest.json what packer's manifest post-processor wrote, if the template has one
//	errored.tfstate  the state that terraform could not save in its backend, if that happened
//
// The job, which holds the environment and so the secrets, goes to the runner through a pipe and is on no disk.
//
// # What can be known
//
// The flock is taken before the claim is made, the result is written before the flock is let go. Therefore: no claim,
// nothing ever ran; a result, this is how it ended; no result and the flock held or a process of the run alive, it runs;
// neither, nobody saw the end ([Lost]) and the apply must not be repeated, since its side effects may all have happened. Lost
// without State.TerraformStarted is the one certain case among these: terraform was never executed.
//
// The flock is the runner's alone. Code that terraform runs had a way to let go of one that it inherited, and so to make an
// apply that was at work look lost. A runner that was killed says nothing of terraform either, so that its processes are
// looked for: see survivors.
//
// How the same four verbs would execute terraform on ECS or Kubernetes is written down in elsewhere.go.
package runner

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/fault"
	"sallyport/agent/proc"
	"sallyport/agent/terraform/binary"
	"sallyport/agent/terraform/credentials"
	"sallyport/agent/terraform/environ"
)

// ErrClaimed says that this apply was started before, by whomever and with whatever outcome. [Attach] tells which.
var ErrClaimed = errors.New("this apply was started before")

// handOver bounds the time in which a new runner takes its job from the pipe. It only has to read.
const handOver = 30 * time.Second

// A Job is what a runner needs to apply one saved plan. Paths are absolute, digests SHA-256 in hex.
//
// The agent runs its own binary as the runner, so both ends of the pipe are of one version. The files that a runner leaves
// are not so lucky: the agent that reads them may be newer, or older after a downgrade. In all of these shapes fields are
// only ever added, may be missing, and never change their meaning.
type Job struct {
	Run    int    `json:"run"`
	Stack  string `json:"stack"`
	Engine string `json:"engine,omitempty"` // [EnginePacker]; empty: terraform
	Digest string `json:"digest"`           // of the plan file: the one that people approved

	Terraform       string `json:"terraform"`        // the binary, of packer too
	TerraformDigest string `json:"terraform_digest"` // as at the time of the plan; empty: not checked
	// TerraformFile is the binary when the agent found that it has this digest. If it is the same file still, it is not
	// read again: that is the longest part of a start. Zero: it is read.
	TerraformFile binary.Identity `json:"terraform_file"`
	Dir           string          `json:"dir"`       // root module directory in the run's own checkout; of a build the whole checkout
	PlanFile      string          `json:"plan_file"` // of a build its recipe, beside which its variables lie

	// LockFile is a copy of the dependency lock file that the plan was made with; it takes the place of the one in
	// Dir. Empty: Dir's own is used as it is, if its digest is right.
	LockFile   string `json:"lock_file,omitempty"`
	LockDigest string `json:"lock_digest,omitempty"` // empty: not checked

	// Program is what people call what is executed; empty: Terraform, or Packer.
	Program string `json:"program,omitempty"`

	// VarFile has the values of the ephemeral variables that the plan was made with, which are in no plan file. Empty: there are none.
	VarFile   string `json:"var_file,omitempty"`
	VarDigest string `json:"var_digest,omitempty"`

	LockTimeout time.Duration `json:"lock_timeout"` // for the state lock; 0: do not wait
	NoLock      bool          `json:"no_lock,omitempty"`

	// Env is terraform's whole environment, KEY=VALUE, secrets included. The runner only sets TMPDIR in it.
	Env []string `json:"env"`
	// AWS is who terraform is there; nil: what Env says. The runner takes the role on, and goes on to when no agent lives.
	AWS *AWSRole `json:"aws,omitempty"`
	// Standby is how the run is claimed among several agents, as package etcd encodes it, secrets in clear; empty: one agent
	// is alone.
	Standby json.RawMessage `json:"standby,omitempty"`
	// User runs terraform; nil: the agent's own. It must be let through to the run's directory, and the checkout is its own.
	User *asuser.User `json:"user,omitempty"`
}

func (j Job) validate() error {
	paths := map[string]string{"terraform": j.Terraform, "directory": j.Dir, "plan file": j.PlanFile}
	if j.LockFile != "" {
		paths["lock file"] = j.LockFile
	}
	if j.VarFile != "" {
		paths["var file"] = j.VarFile
	}
	for what, path := range paths {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("the job's %s %q is not an absolute path", what, path)
		}
	}
	if raw, err := hex.DecodeString(j.Digest); err != nil || len(raw) != 32 {
		return fmt.Errorf("the job's plan digest %q is not a SHA-256", j.Digest)
	}
	if j.Run <= 0 || j.LockTimeout < 0 {
		return fmt.Errorf("the job's run number %d or lock timeout %s is out of range", j.Run, j.LockTimeout)
	}
	return nil
}

// AWSRole is a role that the runner takes on, and the directory in which Env has terraform look for its credentials.
type AWSRole struct {
	credentials.AWS
	ExternalID string `json:"external_id,omitempty"` // in clear, as Env
	Dir        string `json:"dir"`
}

// EnginePacker is the engine of jobs that build an image.
const EnginePacker = "packer"

// Options says what [Start] starts, and where.
type Options struct {
	Executable string   // the sallyport binary; it is called as `EXECUTABLE apply-run RUNDIR`
	RunDir     string   // absolute; exists, 0700, belongs to this run alone
	UserLock   *os.File // of the job's user, which the runner holds as long as it lives; nil: there is none
	Job        Job
	Spawn      Spawner `json:"-"` // default: a process of its own
}

// Spawner makes the runner of a run that is claimed, and hands it the lock and the job. The lock stays the caller's to close: the
// runner has a descriptor of its own to it. After an error no runner is left. Package sim plays one.
type Spawner func(o Options, lock *os.File) (*Handle, error)

func (o Options) validate() error {
	if !filepath.IsAbs(o.Executable) || !filepath.IsAbs(o.RunDir) {
		return fmt.Errorf("executable %q and run directory %q must be absolute paths", o.Executable, o.RunDir)
	}
	return o.Job.validate()
}

// A Handle is a runner that was started just now. Its end is seen through [Follow], not through the handle.
type Handle struct {
	PID int
}

// Start starts the runner of one apply, once. After [ErrClaimed] or any other error [Attach] says what is true: an
// error before the claim leaves [NotStarted], one after it a result with Refused, so that the claim still stands and
// nothing can start this apply a second time. ctx only covers the start; the runner does not end with it.
func Start(ctx context.Context, o Options) (*Handle, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if exists(filepath.Join(o.RunDir, claimFile)) {
		return nil, ErrClaimed
	}
	// The lock comes before the claim: a claim without the lock means that the runner is gone.
	lock, err := takeLock(o.RunDir)
	if err != nil {
		if errors.Is(err, errLocked) && exists(filepath.Join(o.RunDir, claimFile)) {
			return nil, ErrClaimed
		}
		return nil, fmt.Errorf("locking run %d: %w", o.Job.Run, err)
	}
	// Closed, never unlocked: the runner's copy of the descriptor shares the lock, and an unlock would free both.
	defer lock.Close()
	fault.Point("runner lock taken")

	claim := Claim{Run: o.Job.Run, Engine: o.Job.Engine, Program: o.Job.Program, Digest: o.Job.Digest, Dir: o.Job.Dir, BootID: bootID(), StartedAt: now(), LockAlone: true}
	if o.Job.User != nil && o.Job.User.Exclusive {
		claim.UID = o.Job.User.UID
	}
	if err := createJSON(o.RunDir, claimFile, claim); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil, ErrClaimed
		}
		return nil, fmt.Errorf("claiming run %d: %w", o.Job.Run, err)
	}
	fault.Point("runner claimed")
	if o.Spawn == nil {
		o.Spawn = spawn
	}
	h, err := o.Spawn(o, lock)
	if errors.Is(err, syscall.EPIPE) { // it died before it had the job, of which nothing is begun then: another one may have it
		h, err = o.Spawn(o, lock)
	}
	if err != nil {
		err = fmt.Errorf("starting the runner of run %d: %w", o.Job.Run, err)
		return nil, errors.Join(err, refuseUnstarted(o, err))
	}
	return h, nil
}

// spawn starts the runner process and hands it the lock and the job. After an error no runner is left.
func spawn(o Options, lock *os.File) (*Handle, error) {
	log, err := os.OpenFile(filepath.Join(o.RunDir, logFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	jobRead, jobWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer jobRead.Close()
	defer jobWrite.Close()

	// Not exec.CommandContext: nothing but its own end may end the runner.
	cmd := exec.Command(o.Executable, Verb, o.RunDir)
	cmd.Args[0] = "sallyport" // what people see in a list of processes, even if the agent names its binary by /proc
	cmd.Dir = o.RunDir
	cmd.Env = fault.Environ() // empty, not nil, which would mean the agent's own, credentials included
	if o.Job.AWS != nil {
		cmd.Env = append(cmd.Env, environ.Outbound(os.Getenv)...)
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock, jobRead} // lockFD, jobFD
	if o.UserLock != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, o.UserLock) // userFD
	}
	proc.OwnSession(cmd)
	proc.Lend(cmd, o.Job.User.Capabilities())
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	fault.Point("runner spawned")
	jobRead.Close() // the runner must be the only reader, or its death would not be noticed
	if err := sendJob(jobWrite, o.Job); err != nil {
		// A job that did not arrive whole is never acted on, so nothing is lost with this process.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("handing the job over: %w", err)
	}
	go func() { _ = cmd.Wait() }() // while the agent lives its children must not stay as zombies
	return &Handle{PID: cmd.Process.Pid}, nil
}

// sendJob writes the job and its end mark, the newline after the JSON object.
func sendJob(w *os.File, j Job) error {
	payload, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := w.SetWriteDeadline(now().Add(handOver)); err != nil {
		return err
	}
	if _, err := w.Write(append(payload, '\n')); err != nil {
		return err
	}
	return w.Close()
}

// refuseUnstarted leaves a result for a run whose runner never took its job, so that the claim is explained.
func refuseUnstarted(o Options, cause error) error {
	if exists(filepath.Join(o.RunDir, resultFile)) {
		return nil // the runner itself said why
	}
	t := now()
	r := Result{Run: o.Job.Run, Digest: o.Job.Digest, ExitCode: -1, Refused: cause.Error(), StartedAt: t, EndedAt: t}
	if err := errors.Join(replaceJSON(o.RunDir, resultFile, r), Vacate(o.RunDir)); err != nil {
		return fmt.Errorf("recording that it did not start: %w", err)
	}
	return nil
}
