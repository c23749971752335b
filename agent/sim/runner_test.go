package sim

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/runner"
	"sallyport/agent/terraform/diag"
)

// leftState is a state that terraform could not save.
type leftState struct {
	Serial int64
	State  map[string]string
}

// apply is a runner with its terraform. It goes on when its agent dies.
type apply struct {
	w      *world
	dir    string
	job    runner.Job
	lock   *os.File
	cloud  *cloud
	stream *os.File
	result runner.Result
}

// errKilled: terraform and its runner are gone.
var errKilled = errors.New("killed")

// spawn is the agent's way to make a runner: the claim is made, the lock taken.
func (l *life) spawn(o runner.Options, lock *os.File) (*runner.Handle, error) {
	l.mustLive()
	if l.w.fault("spawn", 0.02) {
		return nil, &os.SyscallError{Syscall: "fork", Err: syscall.EAGAIN}
	}
	if l.w.fault("die at spawn", 0.02) {
		l.die("before a runner was started")
	}
	fd, err := syscall.Dup(int(lock.Fd())) // shares the lock, as a child's does
	if err != nil {
		return nil, err
	}
	a := &apply{w: l.w, dir: o.RunDir, job: o.Job, lock: os.NewFile(uintptr(fd), "lock"), cloud: l.w.clouds[o.Job.Stack]}
	l.w.promise.spawned(l.w, o.Job.Run, o.Job.Stack, o.Job.Digest)
	go a.run()
	if l.w.fault("die at spawn", 0.02) {
		l.die("after a runner was started")
	}
	return &runner.Handle{PID: 1 << 30}, nil
}

// run is what the runner's process does, in its order.
func (a *apply) run() {
	defer func() { _ = a.lock.Close() }()
	a.result = runner.Result{Run: a.job.Run, Digest: a.job.Digest, ExitCode: -1, StartedAt: a.w.now().UTC()}
	a.rest(100 * time.Millisecond)
	err := a.begin()
	if err == nil {
		err = a.terraform()
	}
	if errors.Is(err, errKilled) {
		a.w.note("the runner of #%d is killed", a.job.Run)
		a.w.promise.ended(a.w, a.job.Run, "killed")
		return
	}
	if err != nil {
		a.result.Refused = err.Error()
	}
	a.result.EndedAt = a.w.now().UTC()
	a.w.promise.ended(a.w, a.job.Run, outcome(a.result))
	a.w.sabot.judge(&a.result)
	if err := errors.Join(os.RemoveAll(filepath.Join(a.dir, "apply")), a.write("result.json", a.result), a.write("vacated", nil)); err != nil {
		a.w.note("the runner of #%d cannot write its result: %v", a.job.Run, err)
	}
}

func outcome(r runner.Result) string {
	switch {
	case r.Refused != "":
		return "refused"
	case r.ExitCode == 0:
		return "ok"
	}
	return "failed"
}

// write makes a file appear whole.
func (a *apply) write(name string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	temp := filepath.Join(a.dir, "."+name)
	return errors.Join(os.WriteFile(temp, append(raw, '\n'), 0o600), os.Rename(temp, filepath.Join(a.dir, name)))
}

func (a *apply) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-a.w.over:
	}
}

func (a *apply) canceled() bool {
	_, err := os.Lstat(filepath.Join(a.dir, "cancel"))
	return err == nil
}

// begin checks that what is going to run is what was approved, and marks the start.
func (a *apply) begin() error {
	plan, err := os.ReadFile(a.job.PlanFile)
	if err != nil {
		return err
	}
	if have := sum(plan); have != a.job.Digest {
		return fmt.Errorf("the plan file is not the one that was approved: it has the digest %s", have)
	}
	if a.canceled() {
		return errors.New("canceled before it started")
	}
	if err := a.write("started", map[string]string{}); err != nil {
		return err
	}
	a.stream, err = os.OpenFile(filepath.Join(a.dir, "apply.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	return err
}

// terraform applies the plan.
func (a *apply) terraform() error {
	defer func() { _ = a.stream.Close() }()
	i, err := readPlan(a.job.PlanFile)
	if err != nil {
		return err
	}
	dice := "apply " + a.job.Stack
	lock, err := a.cloud.acquire(context.Background(), a.w, diag.OperationApply, a.job.LockTimeout)
	var held lockError
	if errors.As(err, &held) {
		a.fails(held.diagnostic())
		return nil
	}
	if a.w.fault(dice, 0.02) {
		return errKilled // with the lock
	}
	a.cloud.mu.Lock()
	stale := i.Serial != a.cloud.serial
	a.cloud.mu.Unlock()
	if stale {
		a.cloud.release(lock)
		a.fails(diag.Diagnostic{Severity: "error", Summary: "Saved plan is stale", Detail: "The given plan file can no longer be applied because the state was changed."})
		return nil
	}
	for _, c := range i.Changes {
		a.say(map[string]any{"type": "planned_change", "change": map[string]any{"resource": map[string]string{"addr": address(c.Name)}, "action": c.Action}})
	}
	err = a.changes(i, dice)
	if errors.Is(err, errKilled) {
		return err
	}
	if a.w.fault(dice, 0.03) {
		raw, _ := json.Marshal(a.saved())
		left := filepath.Join(a.dir, "errored.tfstate")
		if err := os.WriteFile(left, raw, 0o600); err != nil {
			return err
		}
		a.result.ErroredState = left
		a.fails(diag.Diagnostic{Severity: "error", Summary: "Failed to save state", Detail: "the backend is away"})
		a.cloud.release(lock)
		return nil
	}
	left := a.saved()
	a.cloud.mu.Lock()
	a.cloud.serial, a.cloud.state = left.Serial, left.State
	a.cloud.mu.Unlock()
	a.cloud.release(lock)
	if err != nil {
		a.fails(diag.Diagnostic{Severity: "error", Summary: err.Error(), Detail: "the provider says so"})
		return nil
	}
	a.say(map[string]any{"type": "change_summary", "changes": map[string]any{"operation": "apply", "add": len(i.Changes)}})
	a.result.ExitCode = 0
	return nil
}

// saved is the state after what was done.
func (a *apply) saved() leftState {
	a.cloud.mu.Lock()
	defer a.cloud.mu.Unlock()
	return leftState{Serial: a.cloud.serial + 1, State: maps.Clone(a.cloud.objects)}
}

// changes carries out one change after the other.
func (a *apply) changes(i intent, dice string) error {
	for _, c := range i.Changes {
		hook := map[string]any{"resource": map[string]string{"addr": address(c.Name)}, "action": c.Action}
		a.say(map[string]any{"type": "apply_start", "hook": hook})
		took := a.w.between(dice, time.Second, 40*time.Second)
		if a.w.weather().terraform == "hang" || a.w.fault(dice, 0.02) {
			took = a.w.between(dice, 10*time.Minute, 2*time.Hour)
		}
		interrupted := a.works(took)
		if a.w.fault(dice, 0.02) {
			return errKilled
		}
		if a.w.fault(dice, 0.04) {
			a.say(map[string]any{"type": "apply_errored", "hook": hook})
			return errors.New("Error creating an object")
		}
		a.cloud.mu.Lock()
		if c.Action == "delete" {
			delete(a.cloud.objects, c.Name)
		} else {
			a.cloud.objects[c.Name] = c.Value
		}
		a.cloud.mu.Unlock()
		a.say(map[string]any{"type": "apply_complete", "hook": hook})
		if interrupted {
			a.result.Interrupted = true
			return errors.New("execution halted")
		}
	}
	return nil
}

// works takes a change's time, and reports whether somebody asked to stop meanwhile: then what is in flight comes to its end soon.
func (a *apply) works(d time.Duration) (interrupted bool) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		a.rest(min(10*time.Second, time.Until(end)))
		select {
		case <-a.w.over:
			return true
		default:
		}
		if !interrupted && a.canceled() {
			interrupted, end = true, time.Now().Add(2*time.Second)
		}
	}
	return interrupted
}

func (a *apply) say(line map[string]any) {
	line["@level"], line["@message"], line["@timestamp"] = "info", fmt.Sprint(line["type"]), a.w.now().UTC()
	raw, _ := json.Marshal(line) // plain values
	_, _ = a.stream.Write(append(raw, '\n'))
}

func (a *apply) fails(d diag.Diagnostic) {
	a.result.ExitCode = 1
	a.say(map[string]any{"type": "diagnostic", "diagnostic": d})
}

func readPlan(file string) (i intent, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return i, err
	}
	defer func() { _ = z.Close() }()
	f, err := z.Open("tfplan")
	if err != nil {
		return i, err
	}
	defer func() { _ = f.Close() }()
	return i, json.NewDecoder(f).Decode(&i)
}
