package repo

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"syscall"

	gittransport "github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"

	"sallyport/agent/hint"
	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
	"sallyport/agent/repo/transport"
	"sallyport/agent/repo/tree"
)

// The ways in which a repository can fail, to be told apart with errors.Is. What each of them means stands in the
// package that finds it out.
var (
	// ErrMoved: the branch pointed elsewhere by the time it was fetched. What it points to now was fetched; poll again.
	ErrMoved = errors.New("branch moved meanwhile")

	ErrBranchGone      = transport.ErrBranchGone
	ErrEmptyRepository = transport.ErrEmptyRepository
	ErrNotFound        = transport.ErrNotFound
	ErrAuth            = transport.ErrAuth
	ErrHostKey         = transport.ErrHostKey
	ErrCertificate     = transport.ErrCertificate
	ErrStalled         = transport.ErrStalled

	ErrUnknownCommit = odb.ErrUnknownCommit
	ErrDamaged       = odb.ErrDamaged
	ErrUnreadable    = odb.ErrUnreadable
	ErrUnsafeTree    = odb.ErrUnsafeTree
	ErrTooLarge      = odb.ErrTooLarge
	ErrUnpack        = pack.ErrUnpack
	ErrLFS           = tree.ErrLFS
	ErrSubmodule     = tree.ErrSubmodule
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

// fail makes the error that leaves the package.
func (r *Repository) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var done *Error
	if errors.As(err, &done) {
		return err
	}
	err = report{options: r.options, address: r.address}.classify(err)
	e := &Error{Op: op, URL: r.address.Shown, Err: err}
	var h *hint.Error
	if errors.As(err, &h) {
		e.Hint = h.Hint
	}
	return e
}

// report makes of an error what people are told: what failed, and what to do about it.
type report struct {
	options Options
	address transport.Address
}

// classify gives foreign errors their sentinel and a hint. Texts of other libraries are matched here only.
func (r report) classify(err error) error {
	var netURL *url.Error
	if errors.As(err, &netURL) {
		err = netURL.Err // net/http repeats the method and the whole URL, which stand in Error already
	}
	var h *hint.Error
	if errors.As(err, &h) {
		return err
	}
	switch {
	case errors.Is(err, gittransport.ErrAuthenticationRequired):
		return r.refused("401", err)
	case errors.Is(err, gittransport.ErrAuthorizationFailed):
		return r.refused("403", err)
	case errors.Is(err, gittransport.ErrRepositoryNotFound), errors.Is(err, transport.ErrNotFound):
		return r.notFound()
	case errors.Is(err, gittransport.ErrEmptyRemoteRepository), errors.Is(err, transport.ErrEmptyRepository):
		return hint.With(transport.ErrEmptyRepository, "push a first commit to branch %q", r.options.Branch)
	case strings.Contains(err.Error(), "ssh: unable to authenticate"):
		return hint.With(fmt.Errorf("%w: the server took none of the keys offered", transport.ErrAuth),
			"add the public half of %s as a deploy key of the repository; reading is enough", cmp.Or(r.options.SSHKeyFile, "the key"))
	}
	if c := r.classifyTLS(err); c != nil {
		return c
	}
	return r.classifyNetwork(err)
}

func (r report) refused(code string, err error) error {
	text := fmt.Errorf("%w (%s)%s", transport.ErrAuth, code, r.serverWords(err))
	if r.options.Token.IsZero() {
		return hint.With(text, "the server wants credentials: set token for this repository")
	}
	return hint.With(text, "the token has expired, was revoked, or may not read this repository: make a new one with read access to its contents")
}

func (r report) notFound() error {
	if r.address.Scheme == "ssh" {
		return hint.With(transport.ErrNotFound, "check the path in url, and that the deploy key belongs to this repository: servers say \"not found\" for a missing permission too")
	}
	if r.address.Scheme == "file" {
		return hint.With(transport.ErrNotFound, "check the path in url: it must be a git repository that this user may read")
	}
	return hint.With(transport.ErrNotFound, "check the path in url, and that the token may read this repository: servers say \"not found\" (404) for a missing permission too")
}

// serverWords returns the first line of what a server said, for the end of a message.
func (r report) serverWords(err error) string {
	_, words, _ := strings.Cut(err.Error(), ": ")
	return r.quoteServer(words)
}

// quoteServer makes words of a server printable: one line, short, without control bytes and without our own token,
// which some servers echo.
func (r report) quoteServer(words string) string {
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

func (r report) classifyTLS(err error) error {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return hint.With(fmt.Errorf("%w: signed by an authority that this machine does not know", transport.ErrCertificate),
			"set ca_file for this repository to the PEM file of the authority that signed the server's certificate")
	case errors.As(err, &hostname):
		return hint.With(fmt.Errorf("%w: %w", transport.ErrCertificate, err), "use the name in url that the certificate was issued for")
	case errors.As(err, &invalid):
		return hint.With(fmt.Errorf("%w: %w", transport.ErrCertificate, err), "renew the server's certificate, and check this machine's clock")
	case errors.As(err, &record):
		return hint.With(fmt.Errorf("%w: the server does not speak TLS on this port", transport.ErrCertificate), "check scheme and port of url")
	}
	return nil
}

func (r report) classifyNetwork(err error) error {
	var dns *net.DNSError
	var negotiation *ssh.AlgorithmNegotiationError
	var request *url.Error
	switch {
	case errors.Is(err, transport.ErrStalled):
		return hint.With(err, "the server accepted the connection and then went silent; it is tried again")
	case errors.Is(err, context.DeadlineExceeded):
		return hint.With(fmt.Errorf("no answer in time: %w", context.DeadlineExceeded),
			"check that %s is up and can be reached from this machine", r.address.Host)
	case errors.As(err, &dns):
		return hint.With(fmt.Errorf("looking up %s: %s", dns.Name, dns.Err), "check the host name in url and this machine's resolver")
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return hint.With(err, "check that %s is up and can be reached from this machine", r.address.Host)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.As(err, &request) && errors.Is(err, io.EOF):
		// A server that ends, and whatever stands between, cuts the connections that it has.
		return hint.With(err, "the connection was cut; it is tried again: check that %s is up and can be reached from this machine", r.address.Host)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return hint.With(err, "free space on the file system of %s", r.options.Dir)
	case errors.As(err, &negotiation):
		return hint.With(err, "client and server share no ssh algorithm; the server is too old or too strict")
	case errors.Is(err, fs.ErrPermission):
		return hint.With(err, "check owner and mode of the file")
	}
	return err
}

// noteDamage remembers damage for the next Fetch and passes the error on.
func (r *Repository) noteDamage(err error) error {
	if !errors.Is(err, odb.ErrDamaged) {
		return err
	}
	r.damaged.Store(true)
	return hint.With(err, "the next fetch makes the mirror anew; a full disk or a failing one causes this")
}
