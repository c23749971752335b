// Package standby reads the standby block of the configuration: which etcd cluster several agents share, and what this one is called
// among them.
package standby

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/shape"
	"sallyport/agent/standby/etcd"
)

// Read reads the standby block; nil without one. What it returns may be used only if there are no faults.
func Read(l *decode.Reader, b *hcl.Block) *etcd.Config {
	if b == nil {
		return nil
	}
	a := l.Block(b, shape.Standby())
	c := &etcd.Config{}
	readName(l, a, &c.Name)
	if l.Duration(a, "lease", &c.Lease) {
		switch {
		case c.Lease > etcd.MaxLease:
			l.Fault(a.At("lease"), "Invalid duration", "lease must be at most %d seconds: for so long a dead agent's work would lie.", etcd.MaxLease/time.Second)
		case c.Lease%time.Second != 0:
			l.Fault(a.At("lease"), "Invalid duration", "lease is in whole seconds, as etcd counts them, not %s.", c.Lease)
		}
	}
	cluster := l.Single(a.OwnBlocks, "etcd")
	if cluster == nil {
		l.Fault(a.Header, "No etcd", `A standby block needs a block etcd { endpoints = ["https://10.0.1.5:2379", ...] }.`)
		return c
	}
	readEtcd(l, l.Block(cluster, shape.Etcd()), c)
	return c
}

// readName reads what this agent is called; without a name it is called like its host.
func readName(l *decode.Reader, a decode.Attributes, name *string) {
	if l.String(a, "name", name) {
		if err := etcd.Name(*name); err != nil {
			l.Fault(a.At("name"), "Invalid name", "%s.", sentence(err))
		}
		return
	}
	if a.Get("name") != nil {
		return // told already
	}
	host, err := os.Hostname()
	if err == nil {
		err = etcd.Name(host)
	}
	if err != nil {
		l.Fault(a.Header, "No name", `The host's name cannot be this agent's (%s): add name = "bastion-a".`, err)
	}
	*name = host
}

func readEtcd(l *decode.Reader, a decode.Attributes, c *etcd.Config) {
	encrypted := readEndpoints(l, a, c)
	if l.String(a, "prefix", &c.Prefix) {
		if err := etcd.Prefix(c.Prefix); err != nil {
			l.Fault(a.At("prefix"), "Invalid prefix", "%s.", sentence(err))
		}
	}
	readCertificates(l, a, c)
	l.String(a, "username", &c.Username)
	withPassword := l.Secret(a, "password", &c.Password)
	together(l, a, "username", "password")
	for _, name := range []string{"ca_file", "cert_file", "key_file"} {
		if !encrypted && len(c.Endpoints) > 0 && a.Get(name) != nil {
			l.Fault(a.At(name), "Useless attribute", "%s goes with endpoints that are encrypted (https://).", name)
		}
	}
	// A password that cannot be read here was told of, as a warning: check is run by people who may not read it.
	if l.Failed() || withPassword && c.Password.IsZero() {
		return
	}
	if err := c.Validate(); err != nil {
		l.Fault(a.Header, "Unusable etcd block", "%s.", sentence(err))
	}
}

// readEndpoints reports whether they are encrypted, all of them.
func readEndpoints(l *decode.Reader, a decode.Attributes, c *etcd.Config) (encrypted bool) {
	if !l.Strings(a, "endpoints", &c.Endpoints) {
		return false
	}
	if len(c.Endpoints) == 0 {
		l.Fault(a.At("endpoints"), "No endpoint", "endpoints names no address of etcd.")
		return false
	}
	kinds, seen, faulty := map[bool]bool{}, map[string]bool{}, false
	for i, endpoint := range c.Endpoints {
		https, err := etcd.Endpoint(endpoint)
		if err == nil && seen[endpoint] {
			err = errors.New("the same endpoint is there already")
		}
		if err != nil {
			l.Fault(a.Element("endpoints", i), "Invalid endpoint", "%s.", sentence(err))
			faulty = true
		}
		kinds[https], seen[endpoint] = true, true
	}
	if len(kinds) > 1 && !faulty {
		l.Fault(a.At("endpoints"), "Invalid endpoint", "Some endpoints are encrypted and some are not.")
	}
	if !faulty && (len(c.Endpoints) == 1 || len(c.Endpoints) == 2) {
		l.Warn(a.At("endpoints"), "etcd goes on without one of its members only if it has three or more: name all of them")
	}
	return kinds[true]
}

func readCertificates(l *decode.Reader, a decode.Attributes, c *etcd.Config) {
	for _, f := range []struct {
		name string
		text *string
	}{{"ca_file", &c.CA}, {"cert_file", &c.Cert}} {
		var path string
		if !l.Path(a, f.name, &path) {
			continue
		}
		decode.CheckCertificates(l, a, f.name, path)
		if data, err := l.TrustFile(path); err == nil { // what is wrong with it was told
			*f.text = string(data)
		}
	}
	var path string
	if l.Path(a, "key_file", &path) {
		key, err := decode.SecretFile(l, path)
		if err != nil {
			l.Fault(a.At("key_file"), "Unusable file", "key_file: %s.", err)
		}
		c.Key = key
	}
	together(l, a, "cert_file", "key_file")
}

// together tells where one of two attributes is missing that are of no use alone.
func together(l *decode.Reader, a decode.Attributes, one, other string) {
	if a.Get(one) == nil {
		one, other = other, one
	}
	if a.Get(one) != nil && a.Get(other) == nil {
		l.Fault(a.At(one), "Missing attribute", "%s goes with %s, which is missing.", one, other)
	}
}

// sentence is an error as the beginning of one; an address stays as it was written.
func sentence(err error) string {
	text := err.Error()
	if strings.HasPrefix(text, "http") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
