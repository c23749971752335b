package remote

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ModulePath is the path at the repository's host that an entry of modules_from names: a URL, or the path itself.
// Its errors never hold the text: a token may be in it.
func ModulePath(text, repository string) (string, error) {
	own, err := url.Parse(repository)
	if err != nil {
		return "", errors.New("the repository has no URL")
	}
	p := text
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "":
			return "", errors.New("it is not the URL of a repository, without user, ? and #")
		case u.Scheme != own.Scheme || !strings.EqualFold(u.Host, own.Host):
			return "", fmt.Errorf("the token is for %s://%s and goes nowhere else", own.Scheme, own.Host)
		}
		p = u.Path
	}
	p = strings.Trim(p, "/")
	if strings.ContainsAny(p, `%?#[]\;:@`) || strings.ContainsFunc(p, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", errors.New(`it takes a path like "ops/modules" or "ops/*", or the URL of a repository at the same host`)
	}
	for part := range strings.SplitSeq(p, "/") {
		switch part {
		case "", ".", "..":
			return "", errors.New(`each part of the path has a name, or "*" for any one`)
		case "**":
			return "", errors.New(`"*" stands for one part of a path; for deeper ones write "ops/*/*" too`)
		}
	}
	return p, nil
}
