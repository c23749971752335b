package repo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/repo/pack"
	"sallyport/agent/repo/transport"
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

	// PullRef names the ref of a pull request's head, by its number. Default refs/pull/N/head.
	PullRef func(number int) string

	// Timeout bounds a whole poll. Default 20s.
	Timeout time.Duration
	// FetchTimeout is how long a fetch may go without moving a byte. Default 60s.
	FetchTimeout time.Duration

	// MaxObjectSize is how many bytes a file, a directory or a commit of the history may have. Default 256 MiB.
	MaxObjectSize int64

	Log *slog.Logger // default: discards
}

func (o *Options) validate() (transport.Address, error) {
	if o.Dir == "" {
		return transport.Address{}, errors.New("no directory for the mirror")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return transport.Address{}, fmt.Errorf("finding the mirror's directory: %w", err)
	}
	o.Dir = dir
	if o.PullRef == nil {
		o.PullRef = func(number int) string { return fmt.Sprintf("refs/pull/%d/head", number) }
	}
	if o.Branch == "" {
		return transport.Address{}, errors.New("no branch")
	}
	if err := plumbing.NewBranchReferenceName(o.Branch).Validate(); err != nil {
		return transport.Address{}, fmt.Errorf("branch %q is not a valid name", o.Branch)
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.FetchTimeout <= 0 {
		o.FetchTimeout = defaultFetchTimeout
	}
	if o.MaxObjectSize <= 0 {
		o.MaxObjectSize = pack.DefaultMaxObject
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a, err := transport.ParseURL(o.URL)
	if err != nil {
		return transport.Address{}, err
	}
	if a.Scheme == "http" && (!o.Token.IsZero() || o.Password != nil) && !transport.Loopback(a.Host) {
		return transport.Address{}, errors.New("a token must not travel over plain http: use an https url")
	}
	return a, nil
}

// password is how credentials are come by: asked for, or given.
func (o Options) password() func(context.Context) (redact.Secret, error) {
	if o.Password != nil {
		return o.Password
	}
	return func(context.Context) (redact.Secret, error) { return o.Token, nil }
}
