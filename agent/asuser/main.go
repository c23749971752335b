package asuser

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sallyport/agent/proc"
)

// Executable is this program: what is to be executed in the place of the program that [User.Environ] names. It stays the same
// file when an upgrade has put another one in its place.
const Executable = "/proc/self/exe"

// variable says in the environment of a process what it is to become.
const variable = "SALLYPORT_AS_USER"

// exitFailed is the exit code of a process that could not become the user; terraform has none like it.
const exitFailed = 126

// A Program is what is executed as the user.
type Program struct {
	Path string `json:"path,omitempty"` // absolute
	// Parent is the process whose death ends it at once; 0: it outlives everybody.
	Parent int `json:"parent,omitempty"`
	// Kill: nothing is executed; every process of the user's with this entry in its environment is killed.
	Kill string `json:"kill,omitempty"`
}

// errand is what the variable holds.
type errand struct {
	User User `json:"user"`
	Keep bool `json:"keep,omitempty"` // see keep; without a user it is this process's own
	Program
}

// entry is an errand as an entry of an environment.
func (e errand) entry() string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // no value of these types can cause it
	}
	return variable + "=" + string(text)
}

// Environ returns the entry that makes [Executable], with a program's arguments, that program run by the user.
func (u *User) Environ(p Program) string { return errand{User: *u, Program: p}.entry() }

// Asked reports whether this process was started to become another user.
func Asked(environ []string) bool {
	return slices.ContainsFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, variable+"=") })
}

// Main becomes the user and executes the program; it returns, with an exit code, only if that failed.
func Main(environ, args []string) int {
	e, env, err := read(environ)
	code := 0
	switch {
	case err != nil:
	case e.Keep && e.User.UID == 0:
		code, err = keep(e.Program, args, env)
	case e.Keep:
		// In a process that is the user's from its beginning: of this one only the thread that executes it has lost its privileges.
		env = append(env, errand{Keep: true, Program: e.Program}.entry())
		e.Path = Executable
		err = become(e, args, env)
	default:
		err = become(e, args, env)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "sallyport: error: starting terraform: %v\n", err)
		return exitFailed
	}
	return code
}

// read takes the errand out of an environment.
func read(environ []string) (e errand, rest []string, err error) {
	for _, kv := range environ {
		if text, ours := strings.CutPrefix(kv, variable+"="); !ours {
			rest = append(rest, kv)
		} else if err := json.Unmarshal([]byte(text), &e); err != nil {
			return e, nil, fmt.Errorf("reading what to become: %w", err)
		}
	}
	return e, rest, nil
}

func become(e errand, args, env []string) error {
	runtime.LockOSThread() // most of a process's privileges are its thread's
	if e.User.UID <= 0 || e.User.GID <= 0 {
		return fmt.Errorf("user %d, group %d: neither may be root's", e.User.UID, e.User.GID)
	}
	if err := e.User.shed(); err != nil {
		return err
	}
	if e.Kill != "" {
		proc.KillMarked(e.Kill)
		return nil
	}
	if !filepath.IsAbs(e.Path) {
		return fmt.Errorf("%q is not an absolute path", e.Path)
	}
	if e.Parent != 0 {
		// The kernel forgot it when the user changed. Whoever died in between sends nothing any more.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return fmt.Errorf("asking to end with the agent: %w", err)
		}
		if os.Getppid() != e.Parent {
			return errors.New("the agent died")
		}
	}
	if err := errors.Join(closeOnExec(), ownKeyring(), e.User.limit()); err != nil {
		return err
	}
	return fmt.Errorf("executing %s: %w", e.Path, syscall.Exec(e.Path, append([]string{e.Path}, args...), env))
}

// closeOnExec leaves the program nothing but its standard streams, whatever this process has inherited. A lock that it got could
// be let go of by any script.
func closeOnExec() error {
	const first = 3
	if unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	fds, err := os.ReadDir("/proc/self/fd") // a kernel before 5.11
	if err != nil {
		return fmt.Errorf("keeping open files to this process: %w", err)
	}
	for _, entry := range fds {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// maxProcesses bounds the processes and threads of an exclusive user: terraform with its providers has some hundreds.
const maxProcesses = 4096

// limit keeps a fork bomb from taking every process of the machine, secrets from core dumps, and message queues from being made,
// which a sweep finds only where their file system is mounted.
func (u *User) limit() error {
	if !u.Exclusive {
		return nil
	}
	for what, most := range map[int]uint64{unix.RLIMIT_NPROC: maxProcesses, unix.RLIMIT_CORE: 0, unix.RLIMIT_MSGQUEUE: 0} {
		var limit unix.Rlimit
		if err := unix.Getrlimit(what, &limit); err != nil {
			return fmt.Errorf("reading a limit: %w", err)
		}
		limit.Max = min(limit.Max, most)
		limit.Cur = min(limit.Cur, limit.Max)
		if err := unix.Setrlimit(what, &limit); err != nil {
			return fmt.Errorf("setting a limit: %w", err)
		}
	}
	return nil
}

// ownKeyring gives the program a session keyring of its own. That of the service is one for all of its users: what one run put
// into it another would find.
func ownKeyring() error {
	// Raw: a name, and be it an empty one, would lead to what others have under it.
	_, _, errno := unix.Syscall(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0)
	if errno == 0 || errno == unix.ENOSYS || errno == unix.EPERM { // refused by a filter, which the program is under too
		return nil
	}
	return fmt.Errorf("making a session keyring: %w", errno)
}

// shed makes this process the user's for good: nothing that it executes gets a privilege back, sudo included.
func (u *User) shed() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("giving up ambient capabilities: %w", err)
	}
	if err := syscall.Setgroups(u.Groups); err != nil {
		return fmt.Errorf("taking the groups of %s: %w", u.Name, err)
	}
	if err := syscall.Setresgid(u.GID, u.GID, u.GID); err != nil {
		return fmt.Errorf("taking the group of %s: %w", u.Name, err)
	}
	if err := syscall.Setresuid(u.UID, u.UID, u.UID); err != nil {
		return fmt.Errorf("becoming %s: %w", u.Name, err)
	}
	// Of this thread, which is the one that executes the program. A user that is not root keeps none across that anyway.
	if err := capset([2]unix.CapUserData{}); err != nil {
		return fmt.Errorf("giving up capabilities: %w", err)
	}
	return nil
}
