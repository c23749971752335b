package credentials

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"sallyport/agent/asuser"
	"sallyport/agent/contain"
)

// lentKey is a deploy key that another user's git may sign with and cannot read: an ssh agent at a socket of that user's, for
// as long as an init takes.
type lentKey struct {
	path     string
	listener *net.UnixListener
	helpers  contain.Carrier
}

// serveKey starts the ssh agent at a path in a directory that the user can enter.
func serveKey(user *asuser.User, path, keyFile string) (*lentKey, error) {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("reading the deploy key: %w", err)
	}
	ring, extended := agent.NewKeyring().(agent.ExtendedAgent)
	if !extended { // RSA keys need it
		return nil, errors.New("lending the deploy key: the ssh library makes only old signatures")
	}
	key, err := ssh.ParseRawPrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked): // nobody is there to type it: private modules over ssh will say that no key is accepted
	case err != nil:
		return nil, fmt.Errorf("reading the deploy key: %w", err)
	default:
		if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			return nil, fmt.Errorf("reading the deploy key: %w", err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("lending the deploy key: %w", err)
	}
	if err := user.Connect(path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	lent := &lentKey{path: path, listener: l}
	lent.helpers.Go("lending the deploy key", func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			lent.helpers.Go("signing with the deploy key", func() {
				defer func() { _ = c.Close() }()
				_ = agent.ServeAgent(signer{ring}, c) // the end of a connection
			})
		}
	})
	return lent, nil
}

func (k *lentKey) close() {
	_ = k.listener.Close()
	k.helpers.Deliver()
}

// signer is a ring of keys that signs and that nobody can change.
type signer struct{ agent.ExtendedAgent }

var errReadOnly = errors.New("the keys of this agent cannot be changed")

func (signer) Add(agent.AddedKey) error   { return errReadOnly }
func (signer) Remove(ssh.PublicKey) error { return errReadOnly }
func (signer) RemoveAll() error           { return errReadOnly }
func (signer) Lock([]byte) error          { return errReadOnly }
func (signer) Unlock([]byte) error        { return errReadOnly }
