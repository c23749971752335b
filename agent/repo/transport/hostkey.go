package transport

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"sallyport/agent/hint"
)

// hostKeys is what known_hosts says about one host.
type hostKeys struct {
	file string // to name in hints: where a line would be added
	addr string // host:port
	db   *knownhosts.HostKeyDB
}

// readHostKeys reads the configured file, or those that ssh itself reads. A missing file pins nothing, which is no
// error here: the check that follows fails with the line to add.
func readHostKeys(file, addr string) (*hostKeys, error) {
	candidates := []string{file}
	if file == "" {
		candidates = nil
		if home, err := os.UserHomeDir(); err == nil {
			candidates = append(candidates, filepath.Join(home, ".ssh", "known_hosts"))
		}
		candidates = append(candidates, "/etc/ssh/ssh_known_hosts")
	}
	var present []string
	for _, c := range candidates {
		if _, err := os.Stat(c); err == nil {
			present = append(present, c)
		}
	}
	db, err := knownhosts.NewDB(present...)
	if err != nil {
		return nil, hint.With(fmt.Errorf("reading known_hosts: %w", err), "mend the line, or make the file readable for this user")
	}
	return &hostKeys{file: candidates[0], addr: addr, db: db}, nil
}

// algorithms are those to negotiate. The kinds of the pinned keys come alone: with others in the list the server may
// present a key of a kind that is not pinned, and a good host looks like a changed one.
func (k *hostKeys) algorithms() []string {
	if pinned := k.db.HostKeyAlgorithms(k.addr); len(pinned) > 0 {
		return pinned
	}
	// Nothing is pinned and the handshake will fail; prefer the key that people want to see in the hint.
	return []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
}

// check is the callback of the handshake.
func (k *hostKeys) check(hostname string, remote net.Addr, key ssh.PublicKey) error {
	err := k.db.HostKeyCallback()(hostname, remote, key)
	if err == nil {
		return nil
	}
	line := knownhosts.Line([]string{knownhosts.Normalize(hostname)}, key)
	print := ssh.FingerprintSHA256(key)
	if knownhosts.IsHostUnknown(err) {
		return hint.With(fmt.Errorf("%w: %s is unknown", ErrHostKey, k.addr),
			"compare the fingerprint with the server's own (%s), then add this line to %s:\n%s", print, k.file, line)
	}
	if knownhosts.IsHostKeyChanged(err) {
		return hint.With(fmt.Errorf("%w: the key of %s has changed", ErrHostKey, k.addr),
			"somebody may sit in between (man in the middle), or the server was installed anew. Ask its administrator whether its key is now %s; only then replace the old lines of this host in %s by:\n%s",
			print, k.file, line)
	}
	return hint.With(fmt.Errorf("%w: %w", ErrHostKey, err), "the key or the authority of %s was revoked in %s", k.addr, k.file)
}

// explain recognises a server that no longer has a key of any pinned kind: the negotiation fails before the check.
func (k *hostKeys) explain(err error) error {
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) && none.What == "host key" {
		return hint.With(fmt.Errorf("%w: the key of %s has changed, it has none of the pinned kind any more", ErrHostKey, k.addr),
			"somebody may sit in between (man in the middle), or the server was installed anew. Ask its administrator, then replace the lines of this host in %s", k.file)
	}
	return err
}

// authMethods reads the key anew, so that a rotated one is found; without a key file it asks the agent. The returned
// function ends the talk with the agent.
func (s *sshRemote) authMethods() ([]ssh.AuthMethod, func(), error) {
	nothing := func() {}
	if s.keyFile == "" {
		socket := os.Getenv("SSH_AUTH_SOCK")
		if socket == "" {
			return nil, nothing, hint.With(fmt.Errorf("%w: no ssh key", ErrAuth), "set key_file in the repository's ssh block")
		}
		c, err := net.Dial("unix", socket)
		if err != nil {
			return nil, nothing, fmt.Errorf("asking the ssh agent: %w", err)
		}
		return []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(c).Signers)}, func() { _ = c.Close() }, nil
	}
	pem, err := os.ReadFile(s.keyFile)
	if err != nil {
		return nil, nothing, hint.With(fmt.Errorf("reading ssh key: %w", err), "key_file must be a private key that this user may read")
	}
	signer, err := parseKey(pem, s.passphrase.Reveal())
	if err != nil {
		return nil, nothing, err
	}
	return []ssh.AuthMethod{ssh.PublicKeys(signer)}, nothing, nil
}

func parseKey(pem []byte, passphrase string) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(pem)
	var missing *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer, nil
	case !errors.As(err, &missing):
		return nil, hint.With(errors.New("reading ssh key: not a private key in OpenSSH or PEM form"), "key_file must be the private key, not the .pub file beside it")
	case passphrase == "":
		return nil, hint.With(errors.New("reading ssh key: it is encrypted"), "set the passphrase in the repository's ssh block")
	}
	signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	if err != nil {
		return nil, hint.With(errors.New("reading ssh key: the passphrase does not open it"), "check the passphrase in the repository's ssh block")
	}
	return signer, nil
}
