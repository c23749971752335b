package config

import (
	"math/big"
	"net/url"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/notify/redact"
)

const defaultGitHub = "https://github.com"

// GitHub is where a repository lies at GitHub or on a GitHub Enterprise Server.
type GitHub struct {
	URL        string // of the site; default https://github.com
	Repository string // owner/name; empty: there is no github block
	Token      redact.Secret

	// Of a GitHub App, in the token's place; zero without one.
	AppID          int64
	InstallationID int64
	PrivateKeyFile string

	// PlanPullRequests: plan pull requests of this same repository by people who may write to it.
	PlanPullRequests bool
	// LendToPreviews: lend the repository's credentials to these plans too, for private modules.
	LendToPreviews bool
}

var githubRepository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)

// github reads the github block.
func (l *loader) github(r *Repository, block *hcl.Block) {
	content := l.content(block.Body, githubShape())
	a := attributes{own: content.Attributes, header: block.DefRange}
	g := GitHub{URL: defaultGitHub}
	l.githubURL(a, &g)
	if l.str(a, "repository", &g.Repository) && !githubRepository.MatchString(g.Repository) {
		l.fault(a.at("repository"), "Invalid repository", `repository takes "owner/name" as in the address of its page, not %q.`, g.Repository)
	}
	hasToken := l.headerSecret(a, "token", &g.Token)
	app := l.single(content.Blocks, "app")
	switch {
	case app != nil && hasToken:
		l.fault(a.get("token").NameRange, "Contradiction", "token is somebody's and app is a GitHub App's; keep one of the two.")
	case app == nil && a.get("token") == nil:
		l.fault(block.DefRange, "Missing token", "A github block needs a token, or an app block with id, installation_id and private_key_file.")
	}
	if app != nil {
		l.githubApp(app, &g)
	}
	plans := "off"
	l.oneOf(a, "pull_requests", &plans, "off", "trusted")
	g.PlanPullRequests = plans == "trusted"
	if l.boolean(a, "lend_to_previews", &g.LendToPreviews) && g.LendToPreviews && plans == "off" {
		l.fault(a.get("lend_to_previews").NameRange, "Useless attribute", `lend_to_previews goes with pull_requests = "trusted": nothing else is a preview.`)
	}
	r.GitHub = g
}

// githubURL reads the address of the site.
func (l *loader) githubURL(a attributes, g *GitHub) {
	var raw string
	if !l.str(a, "url", &raw) {
		return
	}
	site, err := parseAPIURL(raw)
	if err == nil {
		if u, bad := url.Parse(site); bad != nil || strings.Trim(u.Path, "/") != "" {
			l.fault(a.at("url"), "Invalid URL", "url is that of the site, like https://ghe.example.internal; the repository stands in repository.")
			return
		}
	}
	if err != nil {
		l.fault(a.at("url"), "Invalid URL", "url cannot be used: %s.", err)
		return
	}
	g.URL = strings.TrimSuffix(site, "/")
}

// githubApp reads the app block.
func (l *loader) githubApp(block *hcl.Block, g *GitHub) {
	a := attributes{own: l.content(block.Body, githubAppShape()).Attributes, header: block.DefRange}
	l.identifier(a, "id", &g.AppID)
	l.identifier(a, "installation_id", &g.InstallationID)
	if l.path(a, "private_key_file", &g.PrivateKeyFile) {
		if _, err := readBounded(g.PrivateKeyFile, maxSecretSize, l.secretMode(g.PrivateKeyFile)); err != nil {
			l.fault(a.at("private_key_file"), "Unusable file", "private_key_file: %s.", err)
		}
	}
}

// identifier reads one of GitHub's ids.
func (l *loader) identifier(a attributes, name string, dst *int64) {
	v, ok := l.shown(a.get(name), cty.Number)
	if !ok {
		return
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || n <= 0 {
		l.fault(a.at(name), "Invalid number", "%s takes the number that the page of the app shows.", name)
		return
	}
	*dst = n
}

// SharesHost reports whether the repository is read over https from the host of its github block, so that one identity is
// good for both.
func (r *Repository) SharesHost() bool {
	site, err1 := url.Parse(r.GitHub.URL)
	git, err2 := url.Parse(r.URL)
	if err1 != nil || err2 != nil || r.GitHub.Repository == "" || git.Scheme != "https" && git.Scheme != "http" {
		return false
	}
	return git.Scheme == site.Scheme && strings.EqualFold(git.Host, site.Host)
}
