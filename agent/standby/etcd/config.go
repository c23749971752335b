// Package etcd says how an agent and its runners reach the etcd cluster that several agents share, and what their keys in it are
// called.
//
// One prefix holds one life: what all agents that share a store have in common. A [Config] names it, and is all that a runner needs to
// say what became of its run while no agent is there. The words that are secret in it print nowhere; [Config.Encode] gives them away,
// for the pipe between an agent and its runner and for nothing else.
package etcd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"sallyport/notify/redact"
)

// What a lease may be. Etcd rounds shorter ones up; longer ones leave a dead agent's work lying for too long.
const (
	MinLease = 2 * time.Second
	MaxLease = 60 * time.Second

	DefaultLease  = 5 * time.Second
	DefaultPrefix = "/sallyport"
)

const (
	maxPrefix = 200
	maxName   = 64
)

// Config says which cluster, which life in it, and who asks.
type Config struct {
	Endpoints []string `json:"endpoints"`    // https://host:port, or http:// on this machine itself
	CA        string   `json:"ca,omitempty"` // PEM; empty: the certificates that the system trusts
	Cert      string   `json:"cert,omitempty"`
	// Key belongs to Cert, in PEM.
	Key      redact.Secret `json:"-"`
	Username string        `json:"username,omitempty"`
	Password redact.Secret `json:"-"`

	Prefix string        `json:"prefix"` // of the life's keys, such as /sallyport/infra
	Name   string        `json:"name"`   // of the member that asks
	Lease  time.Duration `json:"lease"`  // after so long without a sign of life another member takes over
}

// Validate says what is wrong with a configuration; nil if nothing is.
func (c Config) Validate() error {
	return errors.Join(c.endpoints(), c.secrets(), Prefix(c.Prefix), Name(c.Name), Lease(c.Lease))
}

// Lease says what is wrong with a lease's length.
func Lease(lease time.Duration) error {
	switch {
	case lease < MinLease || lease > MaxLease:
		return fmt.Errorf("the lease must be %s to %s, not %s", MinLease, MaxLease, lease)
	case lease%time.Second != 0:
		return fmt.Errorf("etcd counts leases in whole seconds, not %s", lease)
	}
	return nil
}

var (
	prefixForm = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Prefix says what is wrong with a prefix. One that ends like a key of ours would lie in the middle of another life's keys.
func Prefix(prefix string) error {
	if len(prefix) > maxPrefix || !prefixForm.MatchString(prefix) {
		return fmt.Errorf("the prefix must be like /sallyport/infra, of letters, digits, dots, dashes and at most %d bytes, not %q", maxPrefix, prefix)
	}
	for part := range strings.SplitSeq(prefix[1:], "/") {
		if slices.Contains(rooms(), part) {
			return fmt.Errorf("the prefix %s lies where another life would have its own %q: call it something else", prefix, part)
		}
	}
	return nil
}

// Name says what is wrong with a member's name.
func Name(name string) error {
	if len(name) > maxName || !nameForm.MatchString(name) {
		return fmt.Errorf("a member's name is made of letters, digits, dots and dashes, at most %d, not %q", maxName, name)
	}
	return nil
}

// Endpoint says what is wrong with one address, and whether it is encrypted.
func Endpoint(endpoint string) (encrypted bool, err error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return false, errors.New("an endpoint is not an address") // what url.Parse says repeats it, with a password that is in it
	case u.User != nil:
		return false, errors.New("an endpoint holds a user: username and password have attributes of their own")
	case u.Scheme != "https" && u.Scheme != "http", u.Port() == "", u.Hostname() == "", u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return false, fmt.Errorf("an endpoint is like https://10.0.1.5:2379, not %q", endpoint)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return false, fmt.Errorf("%s is not encrypted and not on this machine: what is decided would be anybody's to read and to write", endpoint)
	}
	return u.Scheme == "https", nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) endpoints() error {
	if len(c.Endpoints) == 0 {
		return errors.New("no endpoint is given")
	}
	var faults []error
	kinds := make(map[bool]bool)
	for _, endpoint := range c.Endpoints {
		encrypted, err := Endpoint(endpoint)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		kinds[encrypted] = true
	}
	if len(kinds) > 1 {
		faults = append(faults, errors.New("some endpoints are encrypted and some are not"))
	}
	return errors.Join(faults...)
}

func (c Config) secrets() error {
	var faults []error
	if (c.Cert == "") != c.Key.IsZero() {
		faults = append(faults, errors.New("a client's certificate and its key belong together, and one of them is missing"))
	}
	if (c.Username == "") != c.Password.IsZero() {
		faults = append(faults, errors.New("a user and a password belong together, and one of them is missing"))
	}
	if _, err := c.tls(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// tls is how the cluster is spoken to; nil without encryption.
func (c Config) tls() (*tls.Config, error) {
	given := c.CA != "" || c.Cert != ""
	if len(c.Endpoints) == 0 || !strings.HasPrefix(c.Endpoints[0], "https:") {
		if given {
			return nil, errors.New("certificates are given, and the endpoints are not encrypted")
		}
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM([]byte(c.CA)) {
			return nil, errors.New("the certificate of etcd's authority is not in PEM")
		}
	}
	if c.Cert != "" && !c.Key.IsZero() {
		pair, err := tls.X509KeyPair([]byte(c.Cert), []byte(c.Key.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("reading the client's certificate and key: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// encoded is a Config with what is secret in it.
type encoded struct {
	Config
	Key      string `json:"key,omitempty"`
	Password string `json:"password,omitempty"`
}

// Encode writes all of it, secrets too, for the pipe to a runner. It must never lie in a file.
func (c Config) Encode() ([]byte, error) {
	raw, err := json.Marshal(encoded{Config: c, Key: c.Key.Reveal(), Password: c.Password.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("encoding how etcd is reached: %w", err)
	}
	return raw, nil
}

// Decode reads what Encode wrote, and checks it.
func Decode(raw []byte) (Config, error) {
	var e encoded
	if err := json.Unmarshal(raw, &e); err != nil {
		return Config{}, errors.New("decoding how etcd is reached: this is no such message") // the error may repeat what is secret
	}
	c := e.Config
	c.Key, c.Password = redact.NewSecret(e.Key), redact.NewSecret(e.Password)
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("decoding how etcd is reached: %w", err)
	}
	return c, nil
}
