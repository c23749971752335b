package repo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/notify/redact"
)

const (
	defaultTimeout      = 20 * time.Second
	defaultFetchTimeout = 60 * time.Second
)

// Options say where a repository is and how to get in.
type Options struct {
	Name   string // for the log
	URL    string // ssh://, user@host:path, https://, http:// (loopback only), file:// or a path
	Branch string // without refs/heads/
	Dir    string // the mirror's own directory; its siblings named Dir.* are ours too

	// Of ssh. Without a key file the agent at $SSH_AUTH_SOCK is asked. Without a known_hosts file those of the user
	// and of the machine count. The files are read at each connect, so a rotated key needs no restart.
	SSHKeyFile     string
	SSHPassphrase  redact.Secret
	KnownHostsFile string

	// Of https. Username defaults to x-access-token, which GitHub wants and others ignore. CAFile adds to the
	// system's authorities.
	Username string
	Token    redact.Secret
	CAFile   string
	// Password, if set, is asked before each use in the token's place: for tokens that are made for an hour.
	Password func(context.Context) (redact.Secret, error)

	// Timeout bounds a whole poll. Default 20s.
	Timeout time.Duration
	// FetchTimeout is how long a fetch may go without moving a byte. Default 60s.
	FetchTimeout time.Duration

	// MaxObjectSize is how many bytes a file, a directory or a commit of the history may have. Default 256 MiB.
	MaxObjectSize int64

	Log *slog.Logger // default: discards
}

// address is a parsed URL.
type address struct {
	scheme string // ssh, https, http or file
	host   string // host:port, of network schemes
	user   string
	path   string // for the server, unquoted; for file the directory
	shown  string // for people: no user, no password, no query
}

func (o *Options) validate() (address, error) {
	if o.Dir == "" {
		return address{}, errors.New("no directory for the mirror")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return address{}, fmt.Errorf("finding the mirror's directory: %w", err)
	}
	o.Dir = dir
	if o.Branch == "" {
		return address{}, errors.New("no branch")
	}
	if err := plumbing.NewBranchReferenceName(o.Branch).Validate(); err != nil {
		return address{}, fmt.Errorf("branch %q is not a valid name", o.Branch)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.FetchTimeout <= 0 {
		o.FetchTimeout = defaultFetchTimeout
	}
	if o.MaxObjectSize <= 0 {
		o.MaxObjectSize = defaultMaxObjectSize
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a, err := parseURL(o.URL)
	if err != nil {
		return address{}, err
	}
	if a.scheme == "http" && (!o.Token.IsZero() || o.Password != nil) && !loopback(a.host) {
		return address{}, errors.New("a token must not travel over plain http: use an https url")
	}
	return a, nil
}

// parseURL understands what git understands. Errors do not repeat the URL, which may hold a password.
func parseURL(raw string) (address, error) {
	if raw == "" {
		return address{}, errors.New("no url")
	}
	if !strings.Contains(raw, "://") {
		head, path, colon := strings.Cut(raw, ":")
		if !colon || strings.Contains(head, "/") {
			return localAddress(raw)
		}
		raw = "ssh://" + head + "/" + strings.TrimPrefix(path, "/")
		if !strings.HasPrefix(path, "/") {
			raw = "ssh://" + head + "/./" + path // relative to the login directory, as in scp
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, errors.New("url cannot be parsed")
	}
	if _, set := u.User.Password(); set {
		return address{}, errors.New("url holds a password: use token, or a key")
	}
	switch u.Scheme {
	case "file":
		return localAddress(u.Path)
	case "ssh", "git+ssh", "ssh+git":
		return sshAddress(u)
	case "http", "https":
		return httpAddress(u)
	}
	return address{}, fmt.Errorf("scheme %q is not supported: use ssh, https or file", u.Scheme)
}

func localAddress(path string) (address, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return address{}, fmt.Errorf("finding the repository: %w", err)
	}
	return address{scheme: "file", path: dir, shown: "file://" + dir}, nil
}

func sshAddress(u *url.URL) (address, error) {
	path := u.Path
	switch {
	case strings.HasPrefix(path, "/./"):
		path = path[3:]
	case strings.HasPrefix(path, "/~"):
		path = path[1:]
	}
	// A leading dash would be read as an option by the program on the other side.
	if u.Hostname() == "" || strings.Trim(path, "/") == "" || strings.HasPrefix(path, "-") {
		return address{}, errors.New("ssh url needs a host and a path")
	}
	return address{
		scheme: "ssh",
		host:   net.JoinHostPort(u.Hostname(), orDefault(u.Port(), "22")),
		user:   u.User.Username(),
		path:   path,
		shown:  "ssh://" + u.Host + "/" + strings.TrimPrefix(path, "/"),
	}, nil
}

func httpAddress(u *url.URL) (address, error) {
	if u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return address{}, errors.New("url needs a host, and no query or fragment")
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}
	return address{
		scheme: u.Scheme,
		host:   net.JoinHostPort(u.Hostname(), orDefault(u.Port(), port)),
		user:   u.User.Username(),
		path:   clean.Path,
		shown:  clean.String(),
	}, nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
