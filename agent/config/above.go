package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxHops bounds how many symbolic links a path may lead through, as the kernel does.
const maxHops = 40

// CheckTrusted refuses a path that group or others can write, or put something else in the place of: the file or
// directory itself, each directory that leads to it, and those that symbolic links on the way lead through. The error
// names the first that they can, and the command that mends it. What is not there is nobody's; that the directories
// above it are safe is checked all the same.
//
// A sticky directory like /tmp is safe if it is root's: others can add to it, and replace nothing.
func CheckTrusted(path string) error {
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
			return plainPathError(err)
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
			return plainPathError(err)
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
		return plainPathError(err)
	}
	return modeFault(path, info, writableByOthers)
}

// trusted is [CheckTrusted], unless modes do not count here.
func (l *loader) trusted(path string) error {
	if l.o.SkipModes {
		return nil
	}
	return CheckTrusted(path)
}

// program checks the programs that a command runs: its first word, and of the others those that name a program or the script
// for the first. What is looked up in PATH is not known here.
func (l *loader) program(a attributes, name string, words []string) {
	for i, word := range words {
		if !filepath.IsAbs(word) {
			continue
		}
		info, err := os.Stat(word)
		if i > 1 && (err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			continue // data, and nothing that runs
		}
		if i == 1 && (err != nil || !info.Mode().IsRegular()) {
			continue
		}
		if err := l.trusted(word); err != nil {
			l.fault(a.element(name, i), "Unsafe program", "%s: %s.", name, err)
		}
	}
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
		if mode := info.Mode().Perm(); mode&writableByOthers != 0 {
			return fmt.Errorf("data_dir: %w", mendTo(dir, mode, writableByOthers, DataDirMode))
		}
	}
	if err := CheckTrusted(dir); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data_dir: %w", plainPathError(err))
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue // gone meanwhile, or a socket, whose mode is the agent's
		}
		if mode := info.Mode().Perm(); mode&writableByOthers != 0 {
			path := filepath.Join(dir, e.Name())
			return fmt.Errorf("data_dir: %w", writableFault(path, mode, writableByOthers))
		}
	}
	return nil
}

// CheckPrograms refuses programs of the configuration that are looked up in PATH and that others can replace. It is
// apart from [Load]: the PATH of the person who runs check is not the agent's.
func (c *Config) CheckPrograms(path string) error {
	wanted := map[string]bool{}
	hooks := []*Hooks{c.Hooks}
	for _, s := range c.Stacks {
		hooks = append(hooks, s.Hooks)
		wanted[c.programOf(s)] = true
	}
	for _, g := range c.StackGlobs {
		hooks = append(hooks, g.Stack.Hooks)
		wanted[c.programOf(&g.Stack)] = true
	}
	for _, h := range hooks {
		if h == nil {
			continue
		}
		for _, command := range [][]string{h.BeforePlan, h.AfterPlan, h.BeforeApply, h.AfterApply} {
			if len(command) > 0 {
				wanted[command[0]] = true
			}
		}
	}
	if c.Backup != nil && len(c.Backup.Command) > 0 {
		wanted[c.Backup.Command[0]] = true
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if at := lookUp(name, path); at != "" {
			if err := CheckTrusted(at); err != nil {
				errs = append(errs, fmt.Errorf("%s from PATH: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// programOf is the name by which the program of a stack is looked up in PATH; empty if it is not.
func (c *Config) programOf(s *Stack) string {
	switch {
	case s.Engine == EnginePacker && c.Packer.Binary == "":
		return "packer"
	case s.Engine == EnginePacker || s.Tool.Binary != "" || s.Tool.Version != "":
		return ""
	}
	return s.Tool.Name()
}

// lookUp finds a program as the kernel's callers do; empty if there is none, or if it is a path.
func lookUp(name, path string) string {
	if name == "" || strings.Contains(name, "/") {
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		at := filepath.Join(dir, name)
		if info, err := os.Stat(at); filepath.IsAbs(at) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return at
		}
	}
	return ""
}

func writableFault(path string, mode, forbidden fs.FileMode) error {
	return mendTo(path, mode, forbidden, mode&^forbidden)
}

func mendTo(path string, mode, forbidden, right fs.FileMode) error {
	deed := "written"
	if mode&forbidden&^writableByOthers != 0 {
		deed = "read"
	}
	return fmt.Errorf("%s may be %s by group or others (mode %04o); mend it with `chmod %04o %s`",
		path, deed, mode, right, shellQuote(path))
}

// modeFault is what is wrong with the mode or the owner of what was opened at a path.
func modeFault(path string, info fs.FileInfo, forbidden fs.FileMode) error {
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
