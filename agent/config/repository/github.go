package repository

import (
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

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
	// SecretsToPreviews: give these plans what the stacks' own plans get of secrets, too.
	SecretsToPreviews bool
}

// Format prints a github block without secrets, under any verb.
func (g GitHub) Format(f fmt.State, verb rune) {
	type plain GitHub
	decode.PrintPlain(f, verb, plain(g))
}

var githubRepository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)

// readGitHub reads the github block.
func readGitHub(l *decode.Reader, r *Repository, block *hcl.Block) {
	a := l.Block(block, shape.GitHub())
	g := GitHub{}
	readGitHubURL(l, a, &g)
	if l.String(a, "repository", &g.Repository) && !githubRepository.MatchString(g.Repository) {
		l.Fault(a.At("repository"), "Invalid repository", `repository takes "owner/name" as in the address of its page, not %q.`, g.Repository)
	}
	hasToken := l.HeaderSecret(a, "token", &g.Token)
	app := l.Single(a.OwnBlocks, "app")
	switch {
	case app != nil && hasToken:
		l.Fault(a.Get("token").NameRange, "Contradiction", "token is somebody's and app is a GitHub App's; keep one of the two.")
	case app == nil && a.Get("token") == nil:
		l.Fault(block.DefRange, "Missing token", "A github block needs a token, or an app block with id, installation_id and private_key_file.")
	}
	if app != nil {
		readGitHubApp(l, app, &g)
	}
	var plans string
	l.OneOf(a, "pull_requests", &plans)
	g.PlanPullRequests = plans == "trusted"
	for name, dst := range map[string]*bool{"lend_to_previews": &g.LendToPreviews, "secrets_to_previews": &g.SecretsToPreviews} {
		if l.Bool(a, name, dst) && *dst && plans == "off" {
			l.Fault(a.Get(name).NameRange, "Useless attribute", `%s goes with pull_requests = "trusted": nothing else is a preview.`, name)
		}
	}
	r.GitHub = g
}

// readGitHubURL reads the address of the site.
func readGitHubURL(l *decode.Reader, a decode.Attributes, g *GitHub) {
	a.Preset("url", &g.URL)
	var raw string
	if !l.String(a, "url", &raw) {
		return
	}
	site, err := remote.ParseAPI(raw)
	if err == nil {
		if u, bad := url.Parse(site); bad != nil || strings.Trim(u.Path, "/") != "" {
			l.Fault(a.At("url"), "Invalid URL", "url is that of the site, like https://ghe.example.internal; the repository stands in repository.")
			return
		}
	}
	if err != nil {
		l.Fault(a.At("url"), "Invalid URL", "url cannot be used: %s.", err)
		return
	}
	g.URL = strings.TrimSuffix(site, "/")
}

// readGitHubApp reads the app block.
func readGitHubApp(l *decode.Reader, block *hcl.Block, g *GitHub) {
	a := l.Block(block, shape.GitHubApp())
	readIdentifier(l, a, "id", &g.AppID)
	readIdentifier(l, a, "installation_id", &g.InstallationID)
	if l.Path(a, "private_key_file", &g.PrivateKeyFile) {
		if err := l.CheckSecretFile(g.PrivateKeyFile); err != nil {
			l.Fault(a.At("private_key_file"), "Unusable file", "private_key_file: %s.", err)
		}
	}
}

// readIdentifier reads one of GitHub's ids.
func readIdentifier(l *decode.Reader, a decode.Attributes, name string, dst *int64) {
	v, ok := l.Shown(a.Get(name), cty.Number)
	if !ok {
		return
	}
	n, accuracy := v.AsBigFloat().Int64()
	if accuracy != big.Exact || n <= 0 {
		l.Fault(a.At(name), "Invalid number", "%s takes the number that the page of the app shows.", name)
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
