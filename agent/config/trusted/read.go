package trusted

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// What group and others may not do to a file.
const (
	WritableByOthers fs.FileMode = 0o022 // of the configuration and of what is trusted: host keys, certificates
	UsableByOthers   fs.FileMode = 0o077 // of a secret
)

// ownerFault refuses what belongs to somebody who could change it at any time.
func ownerFault(path string, owner int, link bool, forbidden fs.FileMode) error {
	me := os.Geteuid()
	// Root reads the secrets of the agent's user when it runs check; what root trusts must be root's own.
	if owner == 0 || owner == me || me == 0 && forbidden == UsableByOthers {
		return nil
	}
	heir := "root" // whom everybody trusts
	if forbidden == UsableByOthers {
		heir = strconv.Itoa(me) // who must be able to read it
	}
	option := ""
	if link {
		option = "-h "
	}
	return fmt.Errorf("%s belongs to user id %d, who could change it at any time; mend it with `chown %s%s %s`",
		path, owner, option, heir, shellQuote(path))
}

// Read reads a regular file of at most limit bytes. check, if given, sees the opened file first.
func Read(path string, limit int64, check func(fs.FileInfo) error) ([]byte, error) {
	// Opening a named pipe would wait for a writer for ever.
	info, err := os.Stat(path)
	if err != nil {
		return nil, PlainError(err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, PlainError(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, PlainError(err)
	}
	if check != nil {
		if err := check(info); err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, PlainError(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

// PlainError says "path: reason" without the name of the system call, and what to do if it is about rights.
func PlainError(err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w (try sudo)", pe.Path, pe.Err)
	}
	return fmt.Errorf("%s: %w", pe.Path, pe.Err)
}

// shellQuote makes a path safe to paste.
func shellQuote(path string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,@%", r)
	}
	if strings.IndexFunc(path, func(r rune) bool { return !safe(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
