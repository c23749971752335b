package transport

import "errors"

// What a server can refuse, or not have.
var (
	// ErrBranchGone: the repository answers and the branch is not there. The hint names the default branch.
	ErrBranchGone = errors.New("branch not found")
	// ErrEmptyRepository: the repository answers and has no commits yet.
	ErrEmptyRepository = errors.New("repository is empty")
	// ErrNotFound: the server knows no such repository, or does not show it to these credentials. Many servers say
	// "not found" for a lost permission, so nothing may be deleted because of it.
	ErrNotFound = errors.New("repository not found")
	// ErrAuth: the credentials are missing, wrong, or not good for this repository.
	ErrAuth = errors.New("access refused")
	// ErrHostKey: the ssh server's key is unknown or is not the pinned one.
	ErrHostKey = errors.New("ssh host key not accepted")
	// ErrCertificate: the TLS certificate could not be verified.
	ErrCertificate = errors.New("certificate not accepted")
	// ErrStalled: the server accepted and then sent nothing for too long.
	ErrStalled = errors.New("no data for too long")
)
