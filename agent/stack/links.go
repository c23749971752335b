package stack

import (
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
)

const (
	// maxHops bounds how many symlinks one path may lead through, as kernels do.
	maxHops = 40
	// maxEntries bounds how many files below a stack's directories are looked at for symlinks.
	maxEntries = 100_000
)

// linkTree is a [Tree] that can tell where a symlink leads. Shared .tf files are often linked into stacks, and a change
// of what a link leads to changes the stack without a change below its directory. A tree that has no such method is taken
// to have no symlinks.
type linkTree interface {
	// ReadLink returns the target of a symlink as it is stored. The error says that there is none at that path.
	ReadLink(path string) (string, error)
}

// links finds what the symlinks of a stack lead to.
type links struct {
	t     Tree
	tree  linkTree
	left  int
	seen  map[string]bool
	dirs  map[string]bool
	files map[string]bool
}

// followLinks adds what symlinks in and on the way to the footprint's directories and files lead to, and the links
// themselves.
func (f *Files) followLinks(t Tree) {
	tree, ok := t.(linkTree)
	if !ok || slices.Contains(f.Dirs, ".") {
		return // no symlinks, or everything counts anyway
	}
	l := &links{t: t, tree: tree, left: maxEntries, seen: map[string]bool{}, dirs: map[string]bool{}, files: map[string]bool{}}
	for _, p := range append(append([]string(nil), f.Dirs...), f.Files...) {
		l.add(p)
	}
	f.Dirs = merge(f.Dirs, l.dirs)
	f.Files = merge(f.Files, l.files)
}

// add takes a path into the footprint where it really lies, with everything that is linked below it.
func (l *links) add(p string) {
	at := l.resolve(p)
	if at == "" || l.seen[at] {
		return
	}
	l.seen[at] = true
	entries, err := l.t.ReadDir(at)
	if err != nil { // a file, or nothing: its coming back counts too
		if at != p {
			l.files[at] = true
		}
		return
	}
	if at != p {
		l.dirs[at] = true
	}
	l.walk(at, entries)
}

func (l *links) walk(dir string, entries []fs.DirEntry) {
	for _, e := range entries {
		if l.left--; l.left < 0 {
			return
		}
		at := path.Join(dir, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			l.add(at)
		case e.IsDir():
			if below, err := l.t.ReadDir(at); err == nil {
				l.walk(at, below)
			}
		}
	}
}

// resolve follows every symlink on a path and returns where it ends; empty if that is outside of the repository. Links
// on the way are noted: they can be pointed elsewhere.
func (l *links) resolve(p string) string {
	rest := strings.Split(path.Clean(p), "/")
	at := "."
	for hops := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		rest = rest[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return ""
		}
		target, err := l.tree.ReadLink(next)
		if err != nil {
			at = next
			continue
		}
		l.files[next] = true
		if hops++; hops > maxHops || path.IsAbs(target) {
			return ""
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at
}

// merge adds the keys of a set to a sorted list.
func merge(list []string, set map[string]bool) []string {
	for _, p := range list {
		delete(set, p)
	}
	for p := range set {
		list = append(list, p)
	}
	sort.Strings(list)
	return list
}
