package repo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/hint"
)

// The ways in which a repository can fail, to be told apart with errors.Is.
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
	// ErrUnknownCommit: the mirror does not hold the commit.
	ErrUnknownCommit = errors.New("commit not in the mirror")
	// ErrMoved: the branch pointed elsewhere by the time it was fetched. What it points to now was fetched; poll again.
	ErrMoved = errors.New("branch moved meanwhile")
	// ErrDamaged: something that the mirror must hold cannot be read. The next Fetch makes the mirror anew.
	ErrDamaged = errors.New("mirror is damaged")
	// ErrUnreadable: the repository itself, not the mirror of it, cannot be read or is not one that can be mirrored.
	ErrUnreadable = errors.New("repository cannot be read")
	// ErrUnpack: the process that unpacks what came died of it or took too long. The repository's content, or a limit, is to blame.
	ErrUnpack = errors.New("repository could not be unpacked")
	// ErrUnsafeTree: a path or a symlink in the commit would leave the checkout.
	ErrUnsafeTree = errors.New("unsafe path in the commit")
	// ErrLFS: a file that is needed is a Git LFS pointer.
	ErrLFS = errors.New("file is a git LFS pointer")
	// ErrSubmodule: a directory that is needed is a submodule.
	ErrSubmodule = errors.New("directory is a git submodule")
	// ErrTooLarge: the commit exceeds a limit on files, bytes or depth.
	ErrTooLarge = errors.New("commit is too large")
)

// Error is a failure with the words that people need.
type Error struct {
	Op   string // what was being done, as a gerund: "polling"
	URL  string // without user and password
	Err  error
	Hint string // what to do about it; may hold several lines; may be empty
}

// Error implements error. The hint is not part of it.
func (e *Error) Error() string { return e.Op + " " + e.URL + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// UserHint says what to do about it.
func (e *Error) UserHint() string { return e.Hint }

// withHint attaches words for people to a cause.
func withHint(err error, format string, args ...any) error {
	return hint.With(err, format, args...)
}

// fail makes the error that leaves the package.
func (r *Repository) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	err = r.classify(err)
	e := &Error{Op: op, URL: r.address.shown, Err: err}
	var h *hint.Error
	if errors.As(err, &h) {
		e.Hint = h.Hint
	}
	return e
}

// classify gives foreign errors their sentinel and a hint. Texts of other libraries are matched here only.
func (r *Repository) classify(err error) error {
	var netURL *url.Error
	if errors.As(err, &netURL) {
		err = netURL.Err // net/http repeats the method and the whole URL, which stand in Error already
	}
	var h *hint.Error
	if errors.As(err, &h) {
		return err
	}
	switch {
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return r.refused("401", err)
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return r.refused("403", err)
	case errors.Is(err, transport.ErrRepositoryNotFound), errors.Is(err, ErrNotFound):
		return r.notFound()
	case errors.Is(err, transport.ErrEmptyRemoteRepository), errors.Is(err, ErrEmptyRepository):
		return withHint(ErrEmptyRepository, "push a first commit to branch %q", r.options.Branch)
	case strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return withHint(fmt.Errorf("%w: the server took none of the keys offered", ErrAuth),
			"add the public half of %s as a deploy key of the repository; reading is enough", orDefault(r.options.SSHKeyFile, "the key"))
	}
	if c := r.classifyTLS(err); c != nil {
		return c
	}
	return r.classifyNetwork(err)
}

func (r *Repository) refused(code string, err error) error {
	text := fmt.Errorf("%w (%s)%s", ErrAuth, code, r.serverWords(err))
	if r.options.Token.IsZero() {
		return withHint(text, "the server wants credentials: set token for this repository")
	}
	return withHint(text, "the token has expired, was revoked, or may not read this repository: make a new one with read access to its contents")
}

func (r *Repository) notFound() error {
	if r.address.scheme == "ssh" {
		return withHint(ErrNotFound, "check the path in url, and that the deploy key belongs to this repository: servers say \"not found\" for a missing permission too")
	}
	if r.address.scheme == "file" {
		return withHint(ErrNotFound, "check the path in url: it must be a git repository that this user may read")
	}
	return withHint(ErrNotFound, "check the path in url, and that the token may read this repository: servers say \"not found\" (404) for a missing permission too")
}

// serverWords returns the first line of what a server said, for the end of a message.
func (r *Repository) serverWords(err error) string {
	_, words, _ := strings.Cut(err.Error(), ": ")
	return r.quoteServer(words)
}

// quoteServer makes words of a server printable: one line, short, without control bytes and without our own token,
// which some servers echo.
func (r *Repository) quoteServer(words string) string {
	words, _, _ = strings.Cut(strings.TrimSpace(words), "\n")
	if t := r.options.Token.Reveal(); t != "" {
		words = strings.ReplaceAll(words, t, r.options.Token.String())
	}
	words = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || (c >= 0x80 && c < 0xa0) {
			return -1
		}
		return c
	}, words)
	if len(words) > 200 {
		words = strings.ToValidUTF8(words[:200], "") + "..."
	}
	if words == "" {
		return ""
	}
	return ": " + words
}

func (r *Repository) classifyTLS(err error) error {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return withHint(fmt.Errorf("%w: signed by an authority that this machine does not know", ErrCertificate),
			"set ca_file for this repository to the PEM file of the authority that signed the server's certificate")
	case errors.As(err, &hostname):
		return withHint(fmt.Errorf("%w: %w", ErrCertificate, err), "use the name in url that the certificate was issued for")
	case errors.As(err, &invalid):
		return withHint(fmt.Errorf("%w: %w", ErrCertificate, err), "renew the server's certificate, and check this machine's clock")
	case errors.As(err, &record):
		return withHint(fmt.Errorf("%w: the server does not speak TLS on this port", ErrCertificate), "check scheme and port of url")
	}
	return nil
}

func (r *Repository) classifyNetwork(err error) error {
	var dns *net.DNSError
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case errors.Is(err, ErrStalled):
		return withHint(err, "the server accepted the connection and then went silent; it is tried again")
	case errors.Is(err, context.DeadlineExceeded):
		return withHint(fmt.Errorf("no answer in time: %w", context.DeadlineExceeded),
			"check that %s is up and can be reached from this machine", r.address.host)
	case errors.As(err, &dns):
		return withHint(fmt.Errorf("looking up %s: %s", dns.Name, dns.Err), "check the host name in url and this machine's resolver")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return withHint(err, "check that %s is up and can be reached from this machine", r.address.host)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return withHint(err, "free space on the file system of %s", r.options.Dir)
	case errors.As(err, &negotiation):
		return withHint(err, "client and server share no ssh algorithm; the server is too old or too strict")
	case errors.Is(err, fs.ErrPermission):
		return withHint(err, "check owner and mode of the file")
	}
	return err
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}
