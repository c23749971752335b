package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"sallyport/agent/config/decode"
)

// readModulesFrom reads for which repositories at the same host the repository's token is lent, besides its own.
func readModulesFrom(l *decode.Reader, a decode.Attributes, r *Repository, scheme string) {
	var list []string
	if !l.Strings(a, "modules_from", &list) || scheme == "" {
		return
	}
	if scheme != "https" && scheme != "http" {
		l.Fault(a.Get("modules_from").NameRange, "Useless attribute",
			"modules_from says what a token is lent for, and this URL is %s://: an ssh key reads all that its server lets it read.", scheme)
		return
	}
	if r.Token.IsZero() && a.Get("token") == nil && !r.SharesHost() {
		l.Fault(a.Get("modules_from").NameRange, "Useless attribute", "modules_from goes with a token, of the repository or of a github block at the same host, and there is none.")
		return
	}
	for i, text := range list {
		p, err := modulePath(text, r.URL)
		if err != nil {
			l.Fault(a.Element("modules_from", i), "Invalid repository", "This entry of modules_from cannot be used: %s.", err) // without the text: a token may be in it
			continue
		}
		r.ModulesFrom = append(r.ModulesFrom, p)
	}
}

// modulePath is the path at the repository's host that an entry of modules_from names: a URL, or the path itself.
func modulePath(text, repository string) (string, error) {
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
