package repository

import (
	"sallyport/agent/config/decode"
	"sallyport/agent/config/remote"
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
		l.Fault(a.Get("modules_from").NameRange, "Useless attribute", "modules_from goes with a token, of the repository or of a github, gitlab, gitea or bitbucket block at the same host, and there is none.")
		return
	}
	for i, text := range list {
		p, err := remote.ModulePath(text, r.URL)
		if err != nil {
			l.Fault(a.Element("modules_from", i), "Invalid repository", "This entry of modules_from cannot be used: %s.", err) // without the text: a token may be in it
			continue
		}
		r.ModulesFrom = append(r.ModulesFrom, p)
	}
}
