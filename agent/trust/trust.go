// Package trust tells whose signature a git commit carries: OpenPGP or SSH, checked against keys in files of this machine and
// nothing else. It is pure: no network, no keyring of a user's, no git.
package trust

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/hiddeco/sshsig"
)

// Why a commit is not trusted.
var (
	ErrUnsigned   = errors.New("it is not signed")
	ErrUnknownKey = errors.New("it is signed by a key that is not among the trusted ones")
	ErrExpired    = errors.New("it is signed by a key that has expired or was revoked")
	ErrBad        = errors.New("its signature does not fit what it says")
)

// namespace is what git signs as, so that a signature of something else cannot be taken for one of a commit.
const namespace = "git"

// Keys are those that may sign commits.
type Keys struct {
	openpgp openpgp.EntityList
	ssh     []sshKey
}

// Files are the contents of the files with the keys, either of them empty.
type Files struct {
	OpenPGP        string // public keys, armored or not
	AllowedSigners string // as git and ssh-keygen read it
}

// Parse reads keys. A file that holds none is an error: nobody could sign.
func Parse(f Files) (*Keys, error) {
	k := &Keys{}
	var err error
	if f.OpenPGP != "" {
		if k.openpgp, err = parseOpenPGP(f.OpenPGP); err != nil {
			return nil, fmt.Errorf("reading OpenPGP keys: %w", err)
		}
	}
	if f.AllowedSigners != "" {
		if k.ssh, err = parseSigners(f.AllowedSigners); err != nil {
			return nil, fmt.Errorf("reading allowed signers: %w", err)
		}
	}
	if len(k.openpgp)+len(k.ssh) == 0 {
		return nil, errors.New("there are no keys")
	}
	return k, nil
}

// parseOpenPGP reads one keyring, or several armored ones behind each other.
func parseOpenPGP(text string) (openpgp.EntityList, error) {
	const begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	if !strings.Contains(text, begin) {
		return openpgp.ReadKeyRing(strings.NewReader(text))
	}
	var all openpgp.EntityList
	for _, block := range strings.Split(text, begin)[1:] {
		keys, err := openpgp.ReadArmoredKeyRing(strings.NewReader(begin + block))
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	return all, nil
}

// Signer checks a commit, as git stores it, and returns who signed it, for people. Keys must be good now: what was signed
// before a key expired is not told from what was signed later with a clock put back.
func (k *Keys) Signer(commit []byte, now time.Time) (string, error) {
	payload, signature, err := Split(commit)
	switch {
	case err != nil:
		return "", err
	case signature == "":
		return "", ErrUnsigned
	case strings.HasPrefix(signature, "-----BEGIN SSH SIGNATURE-----"):
		return k.sshSigner(payload, signature, now)
	case strings.HasPrefix(signature, "-----BEGIN PGP SIGNATURE-----"):
		return k.openpgpSigner(payload, signature, now)
	}
	return "", fmt.Errorf("%w: it is of no kind that is known here", ErrUnknownKey)
}

func (k *Keys) openpgpSigner(payload []byte, signature string, now time.Time) (string, error) {
	config := &packet.Config{Time: func() time.Time { return now }}
	signer, err := openpgp.CheckArmoredDetachedSignature(k.openpgp, bytes.NewReader(payload), strings.NewReader(signature), config)
	switch {
	case err == nil && signer != nil:
		for name := range signer.Identities {
			return name, nil
		}
		return fmt.Sprintf("%X", signer.PrimaryKey.Fingerprint), nil
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return "", ErrUnknownKey
	case errors.Is(err, pgperrors.ErrKeyExpired), errors.Is(err, pgperrors.ErrKeyRevoked), errors.Is(err, pgperrors.ErrSignatureExpired):
		return "", ErrExpired
	}
	return "", fmt.Errorf("%w: %w", ErrBad, err)
}

func (k *Keys) sshSigner(payload []byte, signature string, now time.Time) (string, error) {
	sig, err := sshsig.Unarmor([]byte(signature))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrBad, err)
	}
	refusal := ErrUnknownKey
	for _, key := range k.ssh {
		if !bytes.Equal(key.public.Marshal(), sig.PublicKey.Marshal()) {
			continue
		}
		if !key.valid(now) {
			refusal = ErrExpired
			continue
		}
		if err := sshsig.Verify(bytes.NewReader(payload), sig, key.public, sig.HashAlgorithm, namespace); err != nil {
			return "", fmt.Errorf("%w: %w", ErrBad, err)
		}
		return key.principals, nil
	}
	return "", refusal
}

// Split takes a commit object apart into what was signed and the signature; the latter is empty if there is none.
func Split(commit []byte) (payload []byte, signature string, err error) {
	head, body, found := bytes.Cut(commit, []byte("\n\n"))
	if !found {
		head, body = bytes.TrimSuffix(commit, []byte("\n")), nil
	}
	var sig strings.Builder
	inside := false
	for line := range bytes.Lines(append(bytes.Clone(head), '\n')) {
		if inside && line[0] == ' ' {
			sig.Write(line[1:])
			continue
		}
		inside = bytes.HasPrefix(line, []byte("gpgsig ")) || bytes.HasPrefix(line, []byte("gpgsig-sha256 "))
		if !inside {
			payload = append(payload, line...)
			continue
		}
		if sig.Len() > 0 {
			return nil, "", fmt.Errorf("%w: it has two signatures", ErrBad)
		}
		_, first, _ := bytes.Cut(line, []byte(" "))
		sig.Write(first)
	}
	payload = append(payload, '\n')
	return append(payload, body...), sig.String(), nil
}
