// Package trusted says whether only those whom the agent trusts can change a file: its own user and root. Who can write the configuration,
// a program that it names, or a directory above one of these decides what the agent does; who can write the data directory has
// decided. [Check] looks at one path with all that leads to it, [Read] reads a file and looks at what was opened, [LookUp] says which
// program a name in PATH is.
package trusted

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxHops bounds how many symbolic links a path may lead through, as the kernel does.
const maxHops = 40

// Check refuses a path that group or others can write, or put something else in the place of: the file or
// directory itself, each directory that leads to it, and those that symbolic links on the way lead through. The error
// names the first that they can, and the command that mends it. What is not there is nobody's; that the directories
// above it are safe is checked all the same.
//
// A sticky directory like /tmp is safe if it is root's: others can add to it, and replace nothing.
func Check(path string) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("checking who may write %s: %w", path, err)
	}
	at, rest := "/", strings.Split(strings.Trim(abs, "/"), "/")
	if err := checkOne(at, os.Stat); err != nil {
		return err
	}
	for hops := 0; len(rest) > 0; {
		next := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(next)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return PlainError(err)
		}
		if err := checkOne(next, os.Lstat); err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			return fmt.Errorf("%s: too many symbolic links", path)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return PlainError(err)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return nil
}

func checkOne(path string, stat func(string) (fs.FileInfo, error)) error {
	info, err := stat(path)
	if err != nil {
		return PlainError(err)
	}
	return CheckMode(path, info, WritableByOthers)
}

// DataDirMode is what the modes of a data directory are mended to, by whoever says that they are wrong: others go through to where
// terraform.user works, and see nothing. What lies inside has modes of its own.
const DataDirMode fs.FileMode = 0o711

// CheckDataDir refuses a data directory that others can write, with what lies right in it, or whose parents they can: who can
// put a store or a plan in the place of the agent's has decided. A directory that is not there yet is right.
func CheckDataDir(dir string) error {
	me := os.Geteuid()
	if info, err := os.Stat(dir); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != me {
			return fmt.Errorf("data_dir: %s belongs to user id %d, and the agent runs as %d; start it as that user, or mend it with `chown -R %d %s`",
				dir, stat.Uid, me, me, shellQuote(dir))
		}
		if mode := info.Mode().Perm(); mode&WritableByOthers != 0 {
			return fmt.Errorf("data_dir: %w", mendTo(dir, mode, WritableByOthers, DataDirMode))
		}
	}
	if err := Check(dir); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", PlainError(err))
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue // gone meanwhile, or a socket, whose mode is the agent's
		}
		if mode := info.Mode().Perm(); mode&WritableByOthers != 0 {
			path := filepath.Join(dir, e.Name())
			return fmt.Errorf("data_dir: %w", writableFault(path, mode, WritableByOthers))
		}
	}
	return nil
}

func writableFault(path string, mode, forbidden fs.FileMode) error {
	return mendTo(path, mode, forbidden, mode&^forbidden)
}

func mendTo(path string, mode, forbidden, right fs.FileMode) error {
	deed := "written"
	if mode&forbidden&^WritableByOthers != 0 {
		deed = "read"
	}
	return fmt.Errorf("%s may be %s by group or others (mode %04o); mend it with `chmod %04o %s`",
		path, deed, mode, right, shellQuote(path))
}

// CheckMode is what is wrong with the mode or the owner of what was opened at a path.
func CheckMode(path string, info fs.FileInfo, forbidden fs.FileMode) error {
	link := info.Mode()&fs.ModeSymlink != 0 // its mode says nothing, its owner can point it elsewhere
	// In a sticky directory like /tmp others can add files but not replace ours.
	sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
	if mode := info.Mode().Perm(); mode&forbidden != 0 && !sticky && !link {
		return writableFault(path, mode, forbidden)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return ownerFault(path, int(stat.Uid), link, forbidden)
}
