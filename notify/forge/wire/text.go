package wire

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// Target is an address that a status may link to; empty unless it is an http or https one of at most so many characters, which is all
// that sites take. A longer one would lead nowhere if it were cut.
func Target(s string, most int) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || utf8.RuneCountInString(s) > most {
		return ""
	}
	return s
}

// Base reads the address of a site, which may have a path: https://host/gitlab. It comes back without a slash at its end. Plain http is
// for loopback hosts only: it would send the token in the clear.
func Base(site, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%s: %.200q is no URL of a site", site, address)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New(site + ": url has more than a host and a path in it: user, query and fragment do not belong there")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%s: %s would send the token in the clear; plain http is for loopback hosts only", site, address)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
