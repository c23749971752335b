package repository

import (
	"fmt"
	"math/big"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
	"sallyport/notify/redact"
)

// Site is where a repository lies at a site that can be told how commits stand: GitHub, GitLab, Gitea (Forgejo too), Bitbucket.
type Site struct {
	Kind       string // the type of its block; empty: there is none
	URL        string // of the site, with the path that it is installed below; GitHub's has none
	Repository string // owner/name, or group/sub/project
	Token      redact.Secret
	Username   string // that goes with the token, at Bitbucket; empty: the token alone

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

// Changes is what people call several changes there: "pull requests".
func (s Site) Changes() string {
	if s.Kind == "gitlab" {
		return "merge requests"
	}
	return "pull requests"
}

// ShowsChanges reports whether the site can be asked about pull requests, and not only told how commits stand.
func (s Site) ShowsChanges() bool { return s.Kind != "" && s.Kind != "bitbucket" }

// Format prints a site's block without secrets, under any verb.
func (s Site) Format(f fmt.State, verb rune) {
	type plain Site
	decode.PrintPlain(f, verb, plain(s))
}

var (
	githubRepository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$`)
	gitlabProject    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`)
	giteaRepository  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+$`)
	bitbucketName    = regexp.MustCompile(`^~?[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+$`)
)

// readSite reads the block of the site that hosts a repository, of which there can be one.
func readSite(l *decode.Reader, r *Repository, blocks hcl.Blocks) (hosted bool) {
	readers := []struct {
		kind string
		read func(*decode.Reader, *Repository, *hcl.Block)
	}{{"github", readGitHub}, {"gitlab", readGitLab}, {"gitea", readGitea}, {"bitbucket", readBitbucket}}
	for _, one := range readers {
		block := l.Single(blocks, one.kind)
		switch {
		case block == nil:
		case hosted:
			l.Fault(block.DefRange, "Contradiction", "A repository lies at one site: keep the %s block or the %s block.", r.Site.Kind, one.kind)
		default:
			hosted = true
			r.Site.Kind = one.kind
			one.read(l, r, block)
		}
	}
	return hosted
}

// readGitHub reads the github block.
func readGitHub(l *decode.Reader, r *Repository, block *hcl.Block) {
	a := l.Block(block, shape.GitHub())
	g := Site{Kind: "github"}
	if readSiteURL(l, a, &g) {
		if u, bad := url.Parse(g.URL); bad != nil || u.Path != "" {
			l.Fault(a.At("url"), "Invalid URL", "url is that of the site, like https://ghe.example.internal; the repository stands in repository.")
		}
	}
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
	readPreviews(l, a, "pull_requests", &g)
	r.Site = g
}

// readGitLab reads the gitlab block.
func readGitLab(l *decode.Reader, r *Repository, block *hcl.Block) {
	a := l.Block(block, shape.GitLab())
	g := Site{Kind: "gitlab"}
	readSiteURL(l, a, &g)
	if l.String(a, "project", &g.Repository) && (!gitlabProject.MatchString(g.Repository) || strings.HasSuffix(g.Repository, ".git")) {
		l.Fault(a.At("project"), "Invalid project", `project takes "group/project" as in the address of its page, with every group that it lies in, not %q.`, g.Repository)
	}
	l.HeaderSecret(a, "token", &g.Token)
	readPreviews(l, a, "merge_requests", &g)
	r.Site = g
}

// readGitea reads the gitea block, of Gitea or Forgejo.
func readGitea(l *decode.Reader, r *Repository, block *hcl.Block) {
	a := l.Block(block, shape.Gitea())
	g := Site{Kind: "gitea"}
	readSiteURL(l, a, &g)
	if l.String(a, "repository", &g.Repository) && !giteaRepository.MatchString(g.Repository) {
		l.Fault(a.At("repository"), "Invalid repository", `repository takes "owner/name" as in the address of its page, not %q.`, g.Repository)
	}
	l.HeaderSecret(a, "token", &g.Token)
	readPreviews(l, a, "pull_requests", &g)
	r.Site = g
}

// readBitbucket reads the bitbucket block, of the Cloud or of a Data Center.
func readBitbucket(l *decode.Reader, r *Repository, block *hcl.Block) {
	a := l.Block(block, shape.Bitbucket())
	g := Site{Kind: "bitbucket"}
	readSiteURL(l, a, &g)
	if l.String(a, "repository", &g.Repository) && !bitbucketName.MatchString(g.Repository) {
		l.Fault(a.At("repository"), "Invalid repository", `repository takes "workspace/name", or "PROJECT/name" in a Data Center, as in the address of its page, not %q.`, g.Repository)
	}
	l.HeaderSecret(a, "token", &g.Token)
	l.String(a, "username", &g.Username)
	r.Site = g
}

// readPreviews reads whether changes are planned before their merge, and what those plans get.
func readPreviews(l *decode.Reader, a decode.Attributes, name string, g *Site) {
	var plans string
	l.OneOf(a, name, &plans)
	g.PlanPullRequests = plans == "trusted"
	for lent, dst := range map[string]*bool{"lend_to_previews": &g.LendToPreviews, "secrets_to_previews": &g.SecretsToPreviews} {
		if l.Bool(a, lent, dst) && *dst && plans == "off" {
			l.Fault(a.Get(lent).NameRange, "Useless attribute", `%s goes with %s = "trusted": nothing else is a preview.`, lent, name)
		}
	}
}

// readSiteURL reads the address of a site, and reports whether one was given that can be used.
func readSiteURL(l *decode.Reader, a decode.Attributes, g *Site) bool {
	a.Preset("url", &g.URL)
	var raw string
	if !l.String(a, "url", &raw) {
		return false
	}
	site, err := remote.ParseAPI(raw)
	if err != nil {
		l.Fault(a.At("url"), "Invalid URL", "url cannot be used: %s.", err)
		return false
	}
	g.URL = strings.TrimSuffix(site, "/")
	return true
}

// readGitHubApp reads the app block.
func readGitHubApp(l *decode.Reader, block *hcl.Block, g *Site) {
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

// SharesHost reports whether the repository is read over https from the site of its block, so that one identity is good for both. A
// site that is installed below a path has what begins with that path, and nothing else of its host.
func (r *Repository) SharesHost() bool {
	site, err1 := url.Parse(r.Site.URL)
	git, err2 := url.Parse(r.URL)
	if err1 != nil || err2 != nil || r.Site.Kind == "" || git.Scheme != "https" && git.Scheme != "http" {
		return false
	}
	below := strings.HasPrefix(path.Clean(git.Path), strings.TrimSuffix(site.Path, "/")+"/")
	return git.Scheme == site.Scheme && strings.EqualFold(git.Host, site.Host) && below
}
