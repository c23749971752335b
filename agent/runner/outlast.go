package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"sallyport/agent/proc"
)

// The runner outlasts what terraform has started. It holds the run's lock alone, so that nothing of it can let go of the lock,
// and it goes away only when the last command that a provisioner left behind has ended.

// adopt makes this process the parent of all that terraform starts and that loses its own, whatever session it is in.
func adopt() error {
	if err := proc.Adopt(); err != nil {
		return fmt.Errorf("asking for what terraform leaves behind: %w", err)
	}
	return nil
}

// bury takes note of the ends of what terraform has left behind. Terraform's own is os/exec's to ask for.
func (p *process) bury(terraform int) {
	self := os.Getpid()
	ours, err := proc.Children(self)
	if err != nil {
		p.log.Warn("looking for commands that have ended", "err", err)
	}
	for _, pid := range ours {
		if pid != terraform {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // it lives, and is asked for again
		}
	}
}

// outlast returns when nothing is left that terraform has started, and says so on the disk.
func (p *process) outlast() {
	for {
		_, err := syscall.Wait4(-1, nil, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			if err := Vacate(p.dir); err != nil {
				p.log.Warn("noting that nothing is left", "err", err) // whoever wants to know looks at the processes
			}
			return
		case err != nil && !errors.Is(err, syscall.EINTR):
			p.log.Error("waiting for what terraform left behind", "err", err)
			return
		}
	}
}

// Vacate notes that nothing of a run lives any more. Before that, its lock alone does not say so: a runner can be killed.
func Vacate(runDir string) error { return touch(runDir, vacatedFile) }

// Claimed is what a run's claim says; false without one, or with one that a crash has left empty. Over says that nothing of the run
// lives any more.
func Claimed(runDir string) (claim Claim, over, found bool) {
	if err := readJSON(runDir, claimFile, &claim); err != nil {
		return Claim{}, false, false
	}
	return claim, exists(filepath.Join(runDir, vacatedFile)), true
}

// survivors are the processes of a run that live without its runner. They can only be looked for: by the run's own user, if it
// has one; else by the runner's session, which terraform itself never leaves, by the directory for temporary files in their
// environment, and by terraform's output, which they write to.
func survivors(runDir string, c Claim) ([]proc.Process, error) {
	if !c.LockAlone || c.BootID != bootID() || exists(filepath.Join(runDir, vacatedFile)) {
		return nil, nil
	}
	if c.UID != 0 {
		return proc.Of(c.UID)
	}
	var id identity
	switch err := readJSON(runDir, runnerFile, &id); {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil // it makes itself known before anything else
	case err != nil:
		return nil, err
	}
	return proc.List(func(p proc.Process) bool {
		return p.PID != id.PID && p.PID != os.Getpid() && (p.Session == id.PID && p.Start >= id.StartTime || marked(runDir, p.PID))
	})
}

// marked reports whether a process shows, as far as this one may look, that it is of a run: it has the run's directory for
// temporary files in its environment, or terraform's output open.
func marked(runDir string, pid int) bool {
	process := filepath.Join("/proc", strconv.Itoa(pid))
	var mark startMark
	_ = readJSON(runDir, startedFile, &mark) // without one the usual directory
	if mark.Temp == "" {
		mark.Temp = filepath.Join(runDir, tempDir)
	}
	environ, err := os.ReadFile(filepath.Join(process, "environ"))
	if err == nil && slices.Contains(strings.Split(string(environ), "\x00"), "TMPDIR="+mark.Temp) {
		return true
	}
	fds, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return false
	}
	for _, name := range []string{streamFile, stderrFile} {
		file, err := os.Stat(filepath.Join(runDir, name))
		if err == nil && slices.ContainsFunc(fds, func(fd os.DirEntry) bool { return leadsTo(filepath.Join(process, "fd", fd.Name()), file) }) {
			return true
		}
	}
	return false
}

// leadsTo reports whether a descriptor is one to write to a file: who reads it is not of the run.
func leadsTo(descriptor string, file os.FileInfo) bool {
	link, err := os.Lstat(descriptor)
	if err != nil || link.Mode()&0o200 == 0 {
		return false
	}
	fi, err := os.Stat(descriptor)
	return err == nil && os.SameFile(fi, file)
}

// Holder is a process of a run that lives.
type Holder struct {
	PID  int
	Name string // of its program
}

// Holders finds what keeps a run from being over beside its runner: terraform, and what terraform started. It is for telling
// people, as far as this user may look; whether there is anything is for [Attach] to say.
func Holders(runDir string) []Holder {
	var c Claim
	var id identity
	if readJSON(runDir, claimFile, &c) != nil || readJSON(runDir, runnerFile, &id) != nil {
		return nil
	}
	list, _ := survivors(runDir, c)
	if below, err := proc.Descendants(id.PID); err == nil && id.alive() {
		list = append(list, below...)
	}
	var out []Holder
	for _, p := range list {
		if h := (Holder{p.PID, p.Name}); !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}
