// Package remote checks the addresses of a configuration: of repositories and of the APIs of sites. What it says of one never holds the
// address itself, since there may be a password in it.
package remote

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// scpLike is git's short form of ssh URLs: [user@]host:path.
var scpLike = regexp.MustCompile(`^(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]):([^\s]+)$`)

// Remote is a checked URL of a repository.
type Remote struct {
	URL    string // in the one form that the rest of the program knows
	Scheme string // ssh, https, http or file
	User   string // of ssh, "git" if the URL names none
}

// Parse checks the URL of a repository. Its errors never hold the URL: there may be a password in it.
func Parse(raw string) (Remote, error) {
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Remote{}, errors.New("a URL holds no white space and no control characters")
	}
	if strings.HasPrefix(raw, "/") {
		return Remote{URL: "file://" + path.Clean(raw), Scheme: "file"}, nil
	}
	if !strings.Contains(raw, "://") {
		m := scpLike.FindStringSubmatch(raw)
		if m == nil {
			return Remote{}, errors.New("it is neither a URL (ssh://, https://, file://) nor git@host:path nor an absolute path")
		}
		raw = "ssh://" + orElse(m[1], "git") + "@" + m[2] + "/" + strings.TrimLeft(m[3], "/")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Remote{}, errors.New("it is not a valid URL")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return Remote{}, errors.New("the URL of a repository has no ? and no #")
	}
	if port := u.Port(); port != "" {
		if _, err := net.LookupPort("tcp", port); err != nil {
			return Remote{}, errors.New("its port is not a port")
		}
	}
	switch u.Scheme {
	case "file":
		return fileRemote(u)
	case "ssh":
		return sshRemote(u)
	case "https", "http":
		return httpRemote(u)
	}
	return Remote{}, fmt.Errorf("%s:// is not supported: use ssh://, https:// or file://", u.Scheme)
}

func fileRemote(u *url.URL) (Remote, error) {
	if u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") || u.User != nil {
		return Remote{}, errors.New("after file:// comes an absolute path, so there are three slashes: file:///srv/git/infra.git")
	}
	return Remote{URL: "file://" + path.Clean(u.Path), Scheme: "file"}, nil
}

func sshRemote(u *url.URL) (Remote, error) {
	if _, set := u.User.Password(); set {
		return Remote{}, errors.New("it holds a password, which would show in the status and the log: use the ssh block with a key_file")
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return Remote{}, errors.New("it has the form ssh://git@host/path/to/repository.git")
	}
	if strings.HasPrefix(u.Hostname(), "-") {
		return Remote{}, errors.New("a host does not start with a dash")
	}
	return Remote{URL: u.String(), Scheme: "ssh", User: orElse(u.User.Username(), "git")}, nil
}

func httpRemote(u *url.URL) (Remote, error) {
	if u.User != nil {
		return Remote{}, errors.New(`it holds a user or a password, which would show in the status and the log: use token = credential("...") and username`)
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return Remote{}, errors.New("it has the form https://host/path/to/repository.git")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return Remote{}, errors.New("plain http is accepted for hosts of this machine only, since anybody on the way could change what is planned: use https://")
	}
	return Remote{URL: u.String(), Scheme: u.Scheme}, nil
}

// ParseAPI checks the address of an API; it gets a trailing slash.
func ParseAPI(raw string) (string, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Hostname() == "":
		return "", errors.New("it is not a URL like https://slack.com/api/")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it has no user, no ? and no #")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", errors.New("plain http is accepted for hosts of this machine only, since the token would travel in the open: use https://")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", errors.New("it starts with https://")
	}
	return strings.TrimRight(u.String(), "/") + "/", nil
}

// CheckPost checks an address that something is posted to. It may have a query: services put their keys there, too.
func CheckPost(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return errors.New("a URL holds no white space and no control characters")
	case err != nil, u.Hostname() == "":
		return errors.New("it is not a URL like https://alerts.example.com/hooks/sallyport")
	case u.User != nil:
		return errors.New(`it holds a user or a password; put them into headers = { Authorization = credential("...") }`)
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return errors.New("it has no #")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("plain http is accepted for hosts of this machine only, since what is told would travel in the open: use https://")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it starts with https://")
	}
	if port := u.Port(); port != "" {
		if _, err := net.LookupPort("tcp", port); err != nil {
			return errors.New("its port is not a port")
		}
	}
	return nil
}

// loopback reports whether a host is this machine by its very name: nothing is resolved, since names can be pointed anywhere.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
