package asuser

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sallyport/agent/proc"
)

const (
	endPatience = 10 * time.Second      // until processes that do not die are a StuckError
	endFirst    = 2 * time.Millisecond  // between two looks at first
	endLast     = 50 * time.Millisecond // and at last
)

// A StuckError says that a user's processes could not be ended: they hang in the kernel, on a dead file server for example.
type StuckError struct {
	User      string
	Processes []proc.Process
}

// Error implements error.
func (e *StuckError) Error() string {
	var list []string
	for _, p := range e.Processes {
		list = append(list, fmt.Sprintf("%d (%s)", p.PID, p.Name))
	}
	return fmt.Sprintf("processes of %s do not end: %s", e.User, strings.Join(list, ", "))
}

// UserHint tells what to do.
func (e *StuckError) UserHint() string {
	return "look at what they wait for (ps -o pid,stat,wchan:30,args -u " + e.User + "); no run gets that user before they are gone"
}

// End ends every process of an exclusive user's and returns when none lives: whatever session it hides in, whatever it does to
// signals. Of a shared user, whose processes may be another run's, none is ended.
func (u *User) End() error {
	if u == nil || !u.Exclusive {
		return nil
	}
	wait := endFirst
	for deadline := time.Now().Add(endPatience); ; {
		if err := u.onThread(neutralIdentity, killAll); err != nil {
			return fmt.Errorf("ending the processes of %s: %w", u.Name, err)
		}
		left, err := proc.Of(u.UID)
		if err != nil {
			return fmt.Errorf("ending the processes of %s: %w", u.Name, err)
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return &StuckError{User: u.Name, Processes: left}
		}
		time.Sleep(wait)
		wait = min(2*wait, endLast)
	}
}

// bury asks for the exit codes of those of a user's processes that this process became the parent of. Until somebody has asked, each
// counts among the processes that the user may have, and a plan that leaves some thousands would leave none for the next run. What
// this process has started as that user itself must be waited for by then.
func (u *User) bury() error {
	children, err := proc.Children(os.Getpid())
	if err != nil {
		return err
	}
	for _, pid := range children {
		p, alive, err := proc.Look(pid)
		if err == nil && !alive && p.PID == pid && p.Belongs(u.UID) {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // what is not ours any more was asked for
		}
	}
	return nil
}

// killAll kills every process that this thread may signal, but none of its own process's. The kernel goes through all of them
// while nothing can fork. Whether there were any it does not say.
func killAll() error {
	if err := unix.Kill(-1, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("kill: %w", err)
	}
	return nil
}

// identity is who a thread becomes.
type identity int

const (
	// neutralIdentity has the user's number as the effective one alone, which is enough to signal its processes. They in turn
	// may signal only whose real or saved number is theirs: as one of them, a thread of ours was killed or stopped by those that
	// it was to end.
	neutralIdentity identity = iota
	// wholeIdentity is the user, for what only its owner may do, when none of its processes lives.
	wholeIdentity
)

// onThread calls f on a thread of its own that has become the user for good and has no privilege left; the rest of this process
// stays what it is. The thread ends with the call. f starts nothing and leaves nothing behind that runs on.
func (u *User) onThread(as identity, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if unix.Gettid() == os.Getpid() {
			// The main thread would not end, and what /proc says of it is what it says of the process. While it is held here the
			// other call gets another one.
			err := u.onThread(as, f)
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer func() {
			if broken := recover(); broken != nil {
				done <- fmt.Errorf("as %s: panic: %v", u.Name, broken)
			}
		}()
		err := u.becomeOnThread(as)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// becomeOnThread changes the calling thread alone: the functions of package syscall would change all threads. What it has come
// to is looked at, since a kill with a privilege left would end every process of the machine.
func (u *User) becomeOnThread(as identity) error {
	real, saved := u.Neutral, u.Neutral
	if as == wholeIdentity {
		real, saved = u.UID, u.UID
	}
	if u.UID <= 0 || u.GID <= 0 || real <= 0 {
		return fmt.Errorf("user %d, group %d, neutral %d: none may be root's", u.UID, u.GID, real)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up ambient capabilities: %w", err)
	}
	uid, gid := uintptr(u.UID), uintptr(u.GID)
	for _, step := range []struct {
		what    string
		call    uintptr
		a, b, c uintptr
	}{
		{"its groups", unix.SYS_SETGROUPS, 0, 0, 0},
		{"its group", unix.SYS_SETRESGID, gid, gid, gid},
		{"its number", unix.SYS_SETRESUID, uintptr(real), uid, uintptr(saved)},
	} {
		if _, _, errno := unix.RawSyscall(step.call, step.a, step.b, step.c); errno != 0 {
			return fmt.Errorf("taking %s: %w", step.what, errno)
		}
	}
	if err := capset([2]unix.CapUserData{}); err != nil {
		return fmt.Errorf("giving up capabilities: %w", err)
	}
	r, e, s := unix.Getresuid()
	caps, err := capget()
	if err != nil {
		return fmt.Errorf("looking at what is left: %w", err)
	}
	if r != real || e != u.UID || s != saved || caps != [2]unix.CapUserData{} {
		return fmt.Errorf("the thread is user %d, %d, %d with capabilities %+v, and should be %d, %d, %d with none", r, e, s, caps, real, u.UID, saved)
	}
	return nil
}
