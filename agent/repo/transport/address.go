package transport

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// Address is a parsed URL.
type Address struct {
	Scheme string // ssh, https, http or file
	Host   string // host:port, of network schemes
	user   string
	path   string // for the server, unquoted; for file the directory
	Shown  string // for people: no user, no password, no query
}

// ParseURL understands what git understands. Errors do not repeat the URL, which may hold a password.
func ParseURL(raw string) (Address, error) {
	if raw == "" {
		return Address{}, errors.New("no url")
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
		return Address{}, errors.New("url cannot be parsed")
	}
	if _, set := u.User.Password(); set {
		return Address{}, errors.New("url holds a password: use token, or a key")
	}
	switch u.Scheme {
	case "file":
		return localAddress(u.Path)
	case "ssh", "git+ssh", "ssh+git":
		return sshAddress(u)
	case "http", "https":
		return httpAddress(u)
	}
	return Address{}, fmt.Errorf("scheme %q is not supported: use ssh, https or file", u.Scheme)
}

func localAddress(path string) (Address, error) {
	dir, err := filepath.Abs(path)
	if err != nil {
		return Address{}, fmt.Errorf("finding the repository: %w", err)
	}
	return Address{Scheme: "file", path: dir, Shown: "file://" + dir}, nil
}

func sshAddress(u *url.URL) (Address, error) {
	path := u.Path
	switch {
	case strings.HasPrefix(path, "/./"):
		path = path[3:]
	case strings.HasPrefix(path, "/~"):
		path = path[1:]
	}
	// A leading dash would be read as an option by the program on the other side.
	if u.Hostname() == "" || strings.Trim(path, "/") == "" || strings.HasPrefix(path, "-") {
		return Address{}, errors.New("ssh url needs a host and a path")
	}
	return Address{
		Scheme: "ssh",
		Host:   net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "22")),
		user:   u.User.Username(),
		path:   path,
		Shown:  "ssh://" + u.Host + "/" + strings.TrimPrefix(path, "/"),
	}, nil
}

func httpAddress(u *url.URL) (Address, error) {
	if u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return Address{}, errors.New("url needs a host, and no query or fragment")
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}
	return Address{
		Scheme: u.Scheme,
		Host:   net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port)),
		user:   u.User.Username(),
		path:   clean.Path,
		Shown:  clean.String(),
	}, nil
}

// Loopback reports whether a host is this machine.
func Loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
