package tree

import "errors"

// What a file can be that is needed.
var (
	// ErrLFS: a file that is needed is a Git LFS pointer.
	ErrLFS = errors.New("file is a git LFS pointer")
	// ErrSubmodule: a directory that is needed is a submodule.
	ErrSubmodule = errors.New("directory is a git submodule")
)
