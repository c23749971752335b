package stack

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"sort"

	"sallyport/agent/repo"
)

// maxEntries bounds how many files below a stack's directories are looked at for symlinks.
const maxEntries = 100_000

// links finds what the symlinks of a stack lead to. Shared .tf files are often linked into stacks, and a change of what a
// link leads to changes the stack without a change below its directory.
type links struct {
	t     Tree
	left  int
	seen  map[string]bool
	dirs  map[string]bool
	files map[string]bool
}

func newLinks(t Tree) *links {
	return &links{t: t, left: maxEntries, seen: map[string]bool{}, dirs: map[string]bool{}, files: map[string]bool{}}
}

// follow says where a path lies without symlinks, or what is wrong with it, and notes what can lead it elsewhere.
func (l *links) follow(p string) (at string, wrong *repo.FileError, err error) {
	at, through, err := l.t.Resolve(p)
	for _, by := range through {
		l.files[by] = true
	}
	if wrong = WrongFile(err); wrong != nil {
		if wrong.Link != "" && errors.Is(wrong, fs.ErrNotExist) && !errors.Is(wrong, repo.ErrUnsafeTree) && len(through) > 0 {
			l.dirs[through[len(through)-1]] = true // what is missing there may come as a directory
		}
		return "", wrong, nil
	}
	return at, nil, err
}

// followLinks adds what symlinks in and on the way to the footprint's directories and files lead to, and the links
// themselves.
func (f *finder) followLinks() error {
	for _, p := range f.Files.Files {
		_, wrong, err := f.links.follow(p)
		if err != nil {
			return err
		}
		if wrong != nil && LeadsWrong(wrong) {
			f.addFault(wrong.Error())
		}
	}
	if slices.Contains(f.Dirs, ".") {
		return nil // everything counts anyway
	}
	if err := f.followReads(); err != nil {
		return err
	}
	for _, p := range slices.Concat(f.Dirs, f.Files.Files) {
		if err := f.links.add(p); err != nil {
			return err
		}
	}
	if f.links.left < 0 {
		f.everything()
		return nil
	}
	f.Dirs = f.merge(f.Dirs, f.links.dirs)
	f.Files.Files = f.merge(f.Files.Files, f.links.files)
	return nil
}

// add takes a path into the footprint where it really lies, with everything that is linked below it.
func (l *links) add(p string) error {
	at, wrong, err := l.follow(p)
	if err != nil || wrong != nil || l.seen[at] {
		return err
	}
	l.seen[at] = true
	entries, err := l.t.ReadDir(at)
	if WrongFile(err) != nil { // a file
		l.files[at] = l.files[at] || at != p
		return nil
	}
	if err != nil {
		return err
	}
	l.dirs[at] = true
	return l.walk(at, entries)
}

func (l *links) walk(dir string, entries []fs.DirEntry) error {
	for _, e := range entries {
		if l.left--; l.left < 0 {
			return nil
		}
		at := path.Join(dir, e.Name())
		switch {
		case e.Type()&fs.ModeSymlink != 0:
			if err := l.add(at); err != nil {
				return err
			}
		case e.IsDir() && !l.seen[at]:
			l.seen[at] = true
			below, err := l.t.ReadDir(at)
			if err != nil {
				return err
			}
			if err := l.walk(at, below); err != nil {
				return err
			}
		}
	}
	return nil
}

// merge adds to a sorted list what lies in no directory of the footprint.
func (f *finder) merge(list []string, set map[string]bool) []string {
	for p, is := range set {
		if is && !f.below(p) && !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	sort.Strings(list)
	return list
}
