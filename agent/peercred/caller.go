// Package peercred says who is at the other end of a unix socket, as the kernel has it (SO_PEERCRED, SO_PEERPIDFD): the user, who had
// logged in before becoming that user, and the process with its ancestors. Nothing that the other end says of itself counts.
package peercred

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sallyport/store"
)

// Caller is who is at the other end of the socket, as the kernel has it.
type Caller struct {
	UID  int    // -1 if unknown
	User string // name, or the number of a user without a name
	// LoginUser is who logged in before becoming UID (sudo, su), from the audit system; empty if unknown. It is told, it
	// tells one human's accounts from two humans, and it never gives a right that the account has not. Where the machine knows
	// of no logins at all, see [LoginsAreKnown], it is User.
	LoginUser string
	PID       int

	process *process // nil of a caller that did not come over a socket
}

// By is how the caller is recorded with whatever they do: the account and who had logged in, see [store.By].
func (c Caller) By() string {
	if c.LoginUser == "" {
		return store.ByNobodyKnown("cli:" + c.User)
	}
	return store.By("cli:"+c.User, c.LoginUser)
}

// Self is who runs this process, as the server would see it.
func Self() Caller {
	return Caller{UID: os.Getuid(), User: userName(os.Getuid()), LoginUser: loginUser(os.Getpid(), userName(os.Getuid())), PID: os.Getpid()}
}

// Unknown stands for a connection whose peer the kernel did not tell.
func Unknown() Caller { return Caller{UID: -1, User: "unknown"} }

// Of asks the kernel who connected. With an error it is [Unknown].
func Of(c net.Conn) (Caller, error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return Unknown(), fmt.Errorf("reading peer credentials: %T is not a unix connection", c)
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return Unknown(), fmt.Errorf("reading peer credentials: %w", err)
	}
	var cred *unix.Ucred
	var held *process
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if credErr == nil {
			held = hold(int(fd), int(cred.Pid))
		}
	}); err != nil {
		return Unknown(), fmt.Errorf("reading peer credentials: %w", err)
	}
	if credErr != nil {
		return Unknown(), fmt.Errorf("reading peer credentials: %w", credErr)
	}
	caller := Caller{UID: int(cred.Uid), User: userName(int(cred.Uid)), PID: int(cred.Pid), process: held}
	caller.LoginUser = loginUser(caller.PID, caller.User)
	return caller, nil
}

// userName is a user's name, or the number when nobody has it or it could be taken for more than a name.
func userName(uid int) string {
	id := strconv.Itoa(uid)
	u, err := user.LookupId(id)
	if err != nil || u.Username == "" || strings.Contains(u.Username, " (") {
		return id
	}
	return u.Username
}
