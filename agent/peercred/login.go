package peercred

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// loginUser is the name of a process's login uid. Empty where it has none although others of the machine have, as a service has
// none, and where /proc does not say. Where nobody has one the account has to do.
func loginUser(pid int, account string) string {
	uid, err := loginUID("/proc", strconv.Itoa(pid))
	switch {
	case err != nil:
		return ""
	case uid >= 0:
		return userName(uid)
	case LoginsAreKnown("/proc"):
		return ""
	}
	return account
}

// LoginsAreKnown reports whether the kernel was told of a login by anybody: some process below proc, which is /proc, has a login
// uid. None has in most containers, and where PAM sets none (pam_loginuid). What cannot be seen counts as known, so that nobody
// gets by who hides: the first process has to be seen, and every other that is there.
func LoginsAreKnown(proc string) bool {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return true
	}
	first := false
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		uid, err := loginUID(proc, e.Name())
		if gone := errors.Is(err, syscall.ESRCH) || errors.Is(err, fs.ErrNotExist); gone && e.Name() != "1" {
			continue // it has ended meanwhile
		}
		if err != nil || uid >= 0 {
			return true
		}
		first = first || e.Name() == "1"
	}
	return !first
}

// loginUID is a process's login uid; -1 where it was never set.
func loginUID(proc, pid string) (int, error) {
	b, err := os.ReadFile(filepath.Join(proc, pid, "loginuid"))
	if err != nil {
		return -1, err
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	if err != nil || uid == 1<<32-1 {
		return -1, err
	}
	return int(uid), nil
}
