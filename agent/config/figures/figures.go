// Package figures reads what of a configuration hands out figures: the metrics block, and the address that is asked for as long as all
// is well. Neither lets anybody decide anything.
package figures

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

// Metrics is the metrics block. One of Listen and Textfile is there, or both.
type Metrics struct {
	Listen      string // address and port as net.Listen takes them, without a name to be resolved; empty: nothing listens
	Textfile    string // an absolute path; empty: no file is written
	AllowRemote bool   // Listen may be an address that other machines reach
}

// Read reads the metrics block; nil if there is none. The agent's data directory is for nothing else: a file for figures would take the
// place of one of its own there.
func Read(l *decode.Reader, b *hcl.Block, dataDir string) *Metrics {
	if b == nil {
		return nil
	}
	a := l.Block(b, shape.Metrics())
	m := &Metrics{}
	l.Bool(a, "allow_remote", &m.AllowRemote)
	var listen string
	if l.String(a, "listen", &listen) {
		address, err := Address(listen, m.AllowRemote)
		if err != nil {
			l.Fault(a.At("listen"), "Invalid address", "%s.", err)
		}
		m.Listen = address
	}
	if l.String(a, "textfile", &m.Textfile) {
		switch {
		case !filepath.IsAbs(m.Textfile) || filepath.Clean(m.Textfile) == "/":
			l.Fault(a.At("textfile"), "Invalid path", "textfile must be an absolute path, not %q.", m.Textfile)
		case within(dataDir, m.Textfile):
			l.Fault(a.At("textfile"), "Invalid path", "textfile is a file outside of data_dir (%s), in which every file is the agent's own.", dataDir)
		case filepath.Ext(m.Textfile) != ".prom":
			l.Warn(a.At("textfile"), "node_exporter reads files whose names end with .prom and no others, and %q does not", m.Textfile)
		}
		m.Textfile = filepath.Clean(m.Textfile)
	}
	switch {
	case a.Get("listen") == nil && a.Get("textfile") == nil:
		l.Fault(a.Header, "Nobody reads the metrics", `A metrics block needs listen = "127.0.0.1:9746" or textfile = "/var/lib/node_exporter/sallyport.prom", or both.`)
	case a.Get("listen") == nil && a.Get("allow_remote") != nil:
		l.Fault(a.Get("allow_remote").NameRange, "Useless attribute", "allow_remote goes with listen.")
	}
	return m
}

func within(dir, file string) bool {
	relative, err := filepath.Rel(dir, file)
	return dir != "" && err == nil && filepath.IsLocal(relative)
}

// Address checks where metrics are to be served, and gives it without a name in it: names can be pointed anywhere, so none is resolved.
// Port 0 is any that is free.
func Address(listen string, remote bool) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf(`listen has the form "127.0.0.1:9746", not %q`, listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || strconv.FormatUint(n, 10) != port {
		return "", fmt.Errorf("the port of listen is a number up to 65535, not %q", port)
	}
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	if host == "" && remote {
		return net.JoinHostPort("", port), nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && (remote || ip.Unmap().IsLoopback() && ip.Zone() == ""):
		return net.JoinHostPort(ip.String(), port), nil
	case err == nil || host == "":
		return "", errors.New(`listen is an address that other machines reach: what the metrics tell of stacks and people's haste would be for everybody there. ` +
			`Use "127.0.0.1:` + port + `" and ssh -L, or a textfile; with allow_remote = true it is served there all the same`)
	}
	return "", fmt.Errorf("listen takes an address such as 127.0.0.1, or localhost, and %q is a name: names can be pointed anywhere", host)
}

// ReadPing reads the address that is asked for as long as all is well, which no fault ever quotes: whoever knows it can say that all is
// well. It is zero where there is none, and where it cannot be read here (a warning then).
func ReadPing(l *decode.Reader, a decode.Attributes) redact.Secret {
	v, ok := l.Eval(a.Get("ping_url"), cty.String)
	if !ok {
		return redact.Secret{}
	}
	if v, _ = v.UnmarkDeep(); !v.IsKnown() {
		return redact.Secret{}
	}
	if err := remote.CheckPost(v.AsString()); err != nil {
		l.Fault(a.At("ping_url"), "Invalid URL", "ping_url cannot be used: %s.", err)
		return redact.Secret{}
	}
	return redact.NewSecret(v.AsString())
}
