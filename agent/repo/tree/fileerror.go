package tree

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/object"

	"sallyport/agent/repo/odb"
)

// FileError says what is wrong with one file, directory or symlink of a commit. The commit is at fault and not the mirror:
// everything else in it can be read, so only who needs this very file has to care. It is fs.ErrNotExist where nothing is
// there, [odb.ErrUnsafeTree] where a symlink leaves the repository, [odb.ErrTooLarge] where a file is not read for its size.
type FileError struct {
	Path string // relative to the repository's root; where a symlink leads to nothing of use, the symlink
	Link string // where that symlink leads, as it is written; empty: Path is none
	Why  string // the rest of the sentence: "is a symlink to ../gone/x.tf, which is not in the repository"
	err  error
}

// Error implements error.
func (e *FileError) Error() string { return shown(e.Path) + " " + e.Why }

// Unwrap returns the sentinel.
func (e *FileError) Unwrap() error { return e.err }

var (
	// errOutside: a symlink leads out of the repository, where for us there is nothing.
	errOutside = errors.Join(odb.ErrUnsafeTree, fs.ErrNotExist)
	// errInSubmodule: what lies in a submodule is in another repository.
	errInSubmodule = errors.Join(ErrSubmodule, fs.ErrNotExist)
	errLoop        = errors.New("leads in a circle")
	errIsDir       = errors.New("is a directory")
	errNotDir      = errors.New("is not a directory")
)

// followed is how far a path of a commit could be followed.
type followed struct {
	entry   object.TreeEntry // what is there
	at      []string         // the names that lead there without symlinks; of what is not there, the names that would
	through []string         // the symlinks on the way, and the first name that is not there: whose change leads it elsewhere
	link    string           // the first of the symlinks, and its target; empty without one
	target  string
}

// fileError says in words why a path cannot be used.
func (f *followed) fileError(name string, err error) *FileError {
	why := err.Error()
	switch {
	case errors.Is(err, errOutside):
		why = "is outside of the repository"
	case errors.Is(err, errInSubmodule):
		why = "is in a git submodule, and those are not fetched"
	case errors.Is(err, fs.ErrNotExist):
		why = "is not in the repository"
	}
	if f.link == "" {
		return &FileError{Path: path.Clean(name), Why: why, err: err}
	}
	link := "is a symlink to " + shown(f.target)
	end, next := path.Join(f.at...), path.Join(path.Dir(f.link), f.target)
	if !errors.Is(err, errOutside) && !errors.Is(err, errLoop) && end != next {
		link += ", which leads to " + shown(end)
	}
	return &FileError{Path: f.link, Link: f.target, Why: link + ", which " + why, err: err}
}

// shown is a path as people can read it: git takes any bytes for a name.
func shown(name string) string {
	if utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return name
	}
	return strconv.Quote(name)
}
