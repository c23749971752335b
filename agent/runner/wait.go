package runner

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"sallyport/agent/packer"
)

// The pace of waiting for terraform.
const (
	lookEvery     = time.Second           // for the cancel file
	lookEagerly   = 50 * time.Millisecond // while an interrupt waits for its moment
	speechless    = 10 * time.Second      // terraform is interrupted without having said a word after this long
	broadcastWait = 3 * time.Second       // for terraform to show that a SIGTERM reached it too
)

// interruptedText is how terraform's message that a signal has reached it stands in its JSON stream. A provisioner
// cannot print it: its quotes would be escaped there.
var interruptedText = []byte(`"@message":"\nInterrupt received`)

// An interrupt is a request to stop on its way to terraform.
type interrupt struct {
	at        time.Time // of the request; zero: nobody asked
	broadcast bool      // it came as SIGTERM, perhaps to every process of the machine
	done      bool      // terraform has got a signal; it must never get a second
}

// wait waits for terraform's end, however long that takes, and passes at most one interrupt on to it. It reports
// whether terraform was interrupted.
func (p *process) wait(cmd *exec.Cmd) bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// Only the exit status matters, which is in cmd.ProcessState.
		if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
			p.log.Error("waiting for terraform", "err", err)
		}
	}()
	var in interrupt
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-ended:
			return in.done || p.stopping()
		case sig := <-p.asked:
			in.ask(sig == syscall.SIGTERM)
		case <-timer.C:
			p.bury(cmd.Process.Pid)
			if exists(filepath.Join(p.dir, cancelFile)) {
				in.ask(false)
			}
		}
		if !in.at.IsZero() && !in.done {
			in.done = p.interrupt(cmd.Process, in)
		}
		if in.at.IsZero() || in.done {
			timer.Reset(lookEvery)
		} else {
			timer.Reset(lookEagerly)
		}
	}
}

// ask records a request. A request of a person's is not held back by an earlier broadcast.
func (in *interrupt) ask(broadcast bool) {
	if in.at.IsZero() {
		in.at, in.broadcast = time.Now(), broadcast
	}
	in.broadcast = in.broadcast && broadcast
}

// interrupt sends terraform, and nobody else, the one SIGINT, if this is the moment for it. It reports whether
// terraform has had its signal.
//
// Two moments are wrong. Before terraform's first word it has no handler yet and would simply die. And when the
// machine is shut down every process gets a SIGTERM, terraform included; a SIGINT on top would be its second signal,
// at which it exits at once and loses its state.
func (p *process) interrupt(terraform *os.Process, in interrupt) bool {
	if p.stopping() {
		p.log.Info("terraform is stopping already")
		return true
	}
	waited := time.Since(in.at)
	if fi, err := os.Stat(filepath.Join(p.dir, streamFile)); err == nil && fi.Size() == 0 && waited < speechless {
		return false
	}
	if in.broadcast && waited < broadcastWait {
		return false
	}
	p.log.Info("interrupting terraform", "terraform_pid", terraform.Pid)
	if err := terraform.Signal(syscall.SIGINT); err != nil {
		if !errors.Is(err, os.ErrProcessDone) {
			p.log.Error("interrupting terraform", "err", err)
		}
		return false
	}
	return true
}

// stopping reports whether a signal has reached terraform, whoever sent it. Little comes after the message: what was
// in flight ends, and its errors.
func (p *process) stopping() bool {
	stream, err := tailOf(filepath.Join(p.dir, streamFile), 1<<20)
	if err != nil {
		p.log.Warn("looking at terraform's output", "err", err)
	}
	return bytes.Contains(stream, interruptedText) || packer.Stopping(stream)
}

// canceled reports whether somebody asked to stop before terraform was executed.
func (p *process) canceled() bool {
	select {
	case <-p.asked:
		return true
	default:
		return exists(filepath.Join(p.dir, cancelFile))
	}
}

// tailOf reads the last bytes of a file, at most size of them.
func tailOf(path string, size int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, fi.Size()-size), size))
}
