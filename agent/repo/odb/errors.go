package odb

import "errors"

// What can be wrong with a repository, of its objects.
var (
	// ErrUnknownCommit: the mirror does not hold the commit.
	ErrUnknownCommit = errors.New("commit not in the mirror")
	// ErrDamaged: something that the mirror must hold cannot be read. The next Fetch makes the mirror anew.
	ErrDamaged = errors.New("mirror is damaged")
	// ErrUnreadable: the repository itself, not the mirror of it, cannot be read or is not one that can be mirrored.
	ErrUnreadable = errors.New("repository cannot be read")
	// ErrUnsafeTree: a path or a symlink in the commit would leave the checkout.
	ErrUnsafeTree = errors.New("unsafe path in the commit")
	// ErrTooLarge: the commit exceeds a limit on files, bytes or depth.
	ErrTooLarge = errors.New("commit is too large")
)
