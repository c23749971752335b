package runner

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"sallyport/agent/fault"
	"sallyport/agent/runner/among"
	"sallyport/store/disk"
)

// Verb is the command line verb that the sallyport binary must pass to [Main]: `sallyport apply-run RUNDIR`.
const Verb = "apply-run"

// The descriptors that [Start] hands to a runner.
const (
	lockFD = 3 // the run's lock
	jobFD  = 4 // the reading end of the pipe with the job
	userFD = 5 // the lock of the user that terraform runs as, if it has one
)

// The exit codes of [Main].
const (
	exitOK       = 0 // there is a result
	exitNoResult = 1 // the result could not be written; runner.log says why and what it was
	exitUsage    = 2 // not started by an agent
)

// Main is the runner process: args is what follows the verb, one run directory. It returns the exit code. It only
// works when [Start] has started it, which is what makes sure that nobody runs an apply by hand a second time.
func Main(args []string) int {
	// Before anything else: nothing may kill the runner while terraform needs it. Notify, not Ignore: an ignored
	// signal would stay ignored in terraform and in the scripts that it runs, and `yes | head` would not end.
	asked := make(chan os.Signal, 16)
	signal.Notify(asked, syscall.SIGINT, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGPIPE)
	// Before anything is executed: terraform and its scripts get neither the lock, which they could let go of, nor the job.
	for _, fd := range []int{lockFD, jobFD, userFD} {
		syscall.CloseOnExec(fd)
	}

	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if len(args) != 1 || !filepath.IsAbs(args[0]) {
		fmt.Fprintln(os.Stderr, "usage: sallyport "+Verb+" RUNDIR (only the agent calls this)")
		return exitUsage
	}
	lock, job, err := inherited(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "sallyport: error: "+err.Error())
		fmt.Fprintln(os.Stderr, "hint: only the agent starts applies; ask it with `sallyport approve RUN`")
		return exitUsage
	}
	// Named for people: the agent may have executed it by a path of /proc. Without it nothing is lost.
	_ = os.WriteFile("/proc/self/comm", []byte("sallyport"), 0)
	fault.Point("apply-run: begun")
	p := &process{
		dir: args[0], lock: lock, asked: asked, log: log.With("pid", os.Getpid()),
		patience: 10 * time.Minute, pause: time.Sleep,
	}
	result := p.run(job)
	err = p.finish(result)
	if err != nil {
		p.log.Error("the result could not be written; it is in this line instead", "err", err, "result", fmt.Sprintf("%+v", result))
	}
	fault.Point("apply-run: result written")
	var telling sync.WaitGroup
	telling.Go(func() { p.tell(result) })
	defer telling.Wait()
	if err != nil {
		return exitNoResult
	}
	p.outlast()
	return exitOK
}

// inherited checks and takes the descriptors of [Start].
func inherited(runDir string) (lock, job *os.File, err error) {
	errAlone := errors.New(Verb + " was not started by an agent")
	want, err := os.Stat(filepath.Join(runDir, lockFile))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errAlone, err)
	}
	lock, job = os.NewFile(lockFD, lockFile), os.NewFile(jobFD, "job")
	have, err := lock.Stat()
	if err != nil || !os.SameFile(want, have) {
		return nil, nil, errAlone
	}
	if held, err := lockHeld(runDir); err != nil || !held {
		return nil, nil, errors.Join(errAlone, err)
	}
	fi, err := job.Stat()
	if err != nil || fi.Mode()&os.ModeNamedPipe == 0 {
		return nil, nil, errAlone
	}
	return lock, job, nil
}

// errOrphaned is the refusal of a runner whose agent died in the moment in which it started it.
var errOrphaned = errors.New("the agent died before it had handed the job over")

// receiveJob reads the job to its end mark. An agent that died half-way leaves a job that is not acted on.
func receiveJob(r io.ReadCloser) (Job, error) {
	defer r.Close()
	raw, err := io.ReadAll(r)
	if err != nil {
		return Job{}, fmt.Errorf("reading the job: %w", err)
	}
	if !bytes.HasSuffix(raw, []byte("}\n")) {
		return Job{}, errOrphaned
	}
	var j Job
	if err := json.Unmarshal(raw, &j); err != nil {
		return Job{}, fmt.Errorf("reading the job: %w", err)
	}
	return j, j.validate()
}

// A process is the runner at work on one run.
type process struct {
	dir     string
	lock    *os.File
	asked   <-chan os.Signal // requests to interrupt
	log     *slog.Logger
	among   *among.Place                 // its place among several agents; nil: there is one
	report  func(Result) json.RawMessage // what they are told of the end
	reserve *os.File                     // room on the disk for the result, taken before terraform can fill it

	patience time.Duration       // how long a result that cannot be written is tried again
	pause    func(time.Duration) // time.Sleep; a test counts instead
}

// run does everything from the job to terraform's end and returns the result.
func (p *process) run(jobPipe io.ReadCloser) Result {
	r := Result{ExitCode: -1, StartedAt: now()}
	job, err := p.begin(jobPipe)
	r.Run, r.Digest = job.Run, job.Digest
	if err == nil {
		fault.Point("apply-run: job taken")
		p.log.Info("preparing the apply", "run", job.Run, "stack", job.Stack, "digest", job.Digest)
		err = p.apply(job, &r)
	}
	if err != nil {
		r.Refused, r.Orphaned = err.Error(), errors.Is(err, errOrphaned)
		p.log.Error("terraform was not executed", "run", r.Run, "err", err)
	}
	// The plan and its copies hold secrets, and they are of no use any more.
	if err := os.RemoveAll(filepath.Join(p.dir, copyDir)); err != nil {
		p.log.Warn("removing the copy of the plan", "err", err)
	}
	r.EndedAt = now()
	return r
}

// begin makes the runner known and takes its job. The job names the run even in some cases of an error.
func (p *process) begin(jobPipe io.ReadCloser) (Job, error) {
	var claim Claim
	if err := readJSON(p.dir, claimFile, &claim); err != nil {
		return Job{}, fmt.Errorf("reading the claim: %w", err)
	}
	unknown := Job{Run: claim.Run, Digest: claim.Digest}
	if err := adopt(); err != nil {
		return unknown, err
	}
	id, err := self()
	if err != nil {
		p.log.Warn("reading the own start time; only the cancel file can interrupt", "err", err)
	} else if err := showJSON(p.dir, runnerFile, id); err != nil { // a process does not outlast the machine either
		return unknown, fmt.Errorf("recording the runner's process: %w", err)
	}
	if p.reserve, err = reserveResult(p.dir); err != nil {
		return unknown, fmt.Errorf("reserving room for the result: %w", err)
	}
	job, err := receiveJob(jobPipe)
	if err != nil {
		return unknown, err
	}
	if job.Run != claim.Run || job.Digest != claim.Digest {
		return unknown, fmt.Errorf("the job is of run %d and plan %s, the claim of run %d and plan %s",
			job.Run, job.Digest, claim.Run, claim.Digest)
	}
	return job, nil
}

// finish makes the result durable, and tries for a while if that is impossible: the lock stays held meanwhile, so
// that the apply counts as running and not as lost.
func (p *process) finish(r Result) error {
	wait := 100 * time.Millisecond
	waited := time.Duration(0)
	for {
		err := p.writeResult(r)
		if err == nil {
			p.log.Info("the apply has ended", "run", r.Run, "exit_code", r.ExitCode, "signal", r.Signal, "refused", r.Refused)
			return nil
		}
		if waited >= p.patience {
			return err
		}
		p.log.Error("writing the result; trying again", "run", r.Run, "err", err)
		p.pause(wait)
		waited += wait
		wait = min(2*wait, 15*time.Second)
	}
}

// resultRoom is what is reserved for a result, in bytes. Results are smaller.
const resultRoom = 8 << 10

// reserveResult takes room on the disk for the result before terraform starts. The result then overwrites blocks
// that are there already, and a disk that the apply itself has filled does not turn its end into a mystery. A disk
// that has no room for this is too full for an apply.
func reserveResult(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, reserveFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := fill(f, bytes.Repeat([]byte{'\n'}, resultRoom)); err != nil {
		f.Close()
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return f, nil
}

// writeResult makes the result appear whole and durable, in the reserved room if there is one.
func (p *process) writeResult(r Result) error {
	if p.reserve == nil || !exists(p.reserve.Name()) {
		return replaceJSON(p.dir, resultFile, r)
	}
	payload, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := fill(p.reserve, append(payload, '\n')); err != nil {
		return err
	}
	if err := os.Rename(p.reserve.Name(), filepath.Join(p.dir, resultFile)); err != nil {
		return err
	}
	return disk.Sync(p.dir)
}
