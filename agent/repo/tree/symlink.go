package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
)

// symlinks makes the symlinks of a checkout when everything else is there. One that leads outside is not made: where nobody
// uses it that harms nobody, and who uses it is told. One alone may look harmless and leave through another, so that each
// is followed through all of them first; that os.Root follows them again afterwards is the second lock on the same door.
func (w *checkout) symlinks(root *os.Root) error {
	targets := map[string]string{}
	for _, l := range w.links {
		targets[l.name] = l.target
	}
	var made, used []link
	for _, l := range w.links {
		if l.nowhere || leavesAsText(l) || leaves(root, targets, l) {
			switch {
			case w.needed(l.name): // before those that it only leads through
				return outside(l)
			case w.belongs(l.name):
				used = append(used, l)
			}
			continue
		}
		if err := written(l.name, root.Symlink(l.target, l.name)); err != nil {
			if !errors.Is(err, errName) || w.belongs(l.name) {
				return err
			}
			continue
		}
		made = append(made, l)
	}
	if len(used) > 0 {
		return outside(used[0])
	}
	for _, l := range made {
		_, err := root.Stat(l.name)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		default:
			return outside(l)
		}
	}
	return nil
}

// leavesAsText reports whether a symlink's words alone lead above the repository, through whatever names.
func leavesAsText(l link) bool {
	return path.IsAbs(l.target) || escapes(path.Join(path.Dir(l.name), l.target))
}

// leaves follows a symlink, with all the others in place that a commit holds, and reports whether that ever leads above the
// repository. root holds the commit's directories and files, and none of the symlinks need be there.
func leaves(root *os.Root, targets map[string]string, l link) bool {
	at := strings.Split(path.Dir(l.name), "/")
	if at[0] == "." {
		at = nil
	}
	rest := strings.Split(l.target, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return true
			}
			at = at[:len(at)-1]
			continue
		}
		next := path.Join(path.Join(at...), part)
		if target, is := targets[next]; is {
			if path.IsAbs(target) {
				return true
			}
			if links++; links > maxLinks {
				return false // a circle: the kernel goes no further either
			}
			rest = append(strings.Split(target, "/"), rest...)
			continue
		}
		if fi, err := root.Lstat(next); err != nil || !fi.IsDir() {
			return false // a file, or nothing: nothing is above or below it
		}
		at = append(at, part)
	}
	return false
}

// outside is the error of a symlink that leads outside and is used.
func outside(l link) error {
	end := "outside of the repository"
	if l.nowhere {
		end = "not in the repository"
	}
	why := fmt.Sprintf("is a symlink to %s, which is %s", shown(l.target), end)
	return hint.With(&FileError{Path: l.name, Link: l.target, Why: why, err: odb.ErrUnsafeTree}, "replace the symlink by what it should point to, or remove it")
}
