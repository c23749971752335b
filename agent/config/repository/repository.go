// Package repository reads the repository blocks of the configuration: where a repository is, with what it is read, at which site its
// pull requests are, and what a commit of it must have to be planned by itself.
package repository

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
	"sallyport/agent/trust"
	"sallyport/notify/redact"
)

// Repository is a git repository that is polled.
type Repository struct {
	Name     string
	URL      string // ssh, https, http (loopback only) or file; never with a password inside
	Branch   string
	Schedule string // a robfig/cron spec
	// FollowRewritten: take a force-pushed branch without asking.
	FollowRewritten bool
	// MaxObjectSize is how many bytes a file of the history may have; 0: the default.
	MaxObjectSize int64

	// Signed are the keys one of which must have signed each commit since the applied one; the zero value asks for none.
	Signed trust.Files
	// RequireReview: each commit since the applied one must belong to a merged pull request that was reviewed and approved.
	RequireReview bool

	SSHKeyFile     string
	SSHPassphrase  redact.Secret
	KnownHostsFile string
	Username       string
	Token          redact.Secret
	CAFile         string // of its site too
	// ModulesFrom are paths at the URL's host whose repositories stacks may read modules from with the repository's token; "*"
	// stands for one part of a path.
	ModulesFrom []string

	Site Site // where its pull requests are, and who is told how its commits stand
}

// Same reports whether nothing of two repositories differs, secrets included.
func (r *Repository) Same(other *Repository) bool { return reflect.DeepEqual(r, other) }

// Format prints a repository without secrets, under any verb.
func (r Repository) Format(f fmt.State, verb rune) {
	type plain Repository
	decode.PrintPlain(f, verb, plain(r))
}

// Read reads a repository block. It always returns one, so that its stacks are not called homeless as well.
func Read(l *decode.Reader, b *hcl.Block) *Repository {
	a := l.Block(b, shape.Repository())
	r := &Repository{Name: b.Labels[0]}

	readBranch(l, a, r)
	calendar.ReadSchedule(l, a, "schedule", &r.Schedule)
	var rewritten string
	l.OneOf(a, "rewritten_history", &rewritten)
	r.FollowRewritten = rewritten == "follow"
	l.Size(a, "max_object_size", &r.MaxObjectSize)

	var raw, scheme string
	if l.String(a, "url", &raw) {
		re, err := remote.Parse(raw)
		if err != nil {
			l.Fault(a.At("url"), "Invalid URL", "The url of a repository cannot be used: %s.", err)
		} else {
			r.URL, r.Username, scheme = re.URL, re.User, re.Scheme
		}
	}
	hosted := readSite(l, r, a.OwnBlocks)
	readHTTPAccess(l, a, r, access{scheme: scheme, hosted: hosted})
	readModulesFrom(l, a, r, scheme)
	readSSHAccess(l, b, a.OwnBlocks, r, scheme)
	readTrust(l, a, a.OwnBlocks, r)
	return r
}

// readBranch checks the name of the branch by git's own rules, as far as they matter for a ref that is asked for.
func readBranch(l *decode.Reader, a decode.Attributes, r *Repository) {
	if !l.String(a, "branch", &r.Branch) {
		return
	}
	switch {
	case !naming.ValidBranch(r.Branch):
		l.Fault(a.At("branch"), "Invalid branch", "%q cannot be the name of a branch in git.", r.Branch)
	case strings.HasPrefix(r.Branch, "refs/"):
		l.Fault(a.At("branch"), "Invalid branch", "branch takes the short name of a branch: %q.", strings.TrimPrefix(strings.TrimPrefix(r.Branch, "refs/"), "heads/"))
	}
}

// access is what decides which credentials make sense. An empty scheme is that of a URL that was faulted.
type access struct {
	scheme string
	hosted bool // there is the block of a site, which ca_file covers
}

// readHTTPAccess reads token, username and ca_file, which belong to http and https.
func readHTTPAccess(l *decode.Reader, a decode.Attributes, r *Repository, way access) {
	scheme := way.scheme
	hasToken := l.HeaderSecret(a, "token", &r.Token)
	if hasToken {
		a.Preset("username", &r.Username)
	}
	if a.Get("username") != nil {
		l.String(a, "username", &r.Username)
	}
	l.Path(a, "ca_file", &r.CAFile)
	if scheme == "ssh" || scheme == "file" {
		for _, name := range []string{"token", "username", "ca_file"} {
			if a.Get(name) != nil && (name != "ca_file" || !way.hosted) {
				l.Fault(a.Get(name).NameRange, "Useless attribute", "%s belongs to an https URL, and this one is %s://.%s", name, scheme, sshHint(name, scheme))
			}
		}
		if r.CAFile != "" && way.hosted {
			decode.CheckCertificates(l, a, "ca_file", r.CAFile)
		}
		return
	}
	if a.Get("username") != nil && !hasToken {
		l.Fault(a.At("username"), "Useless attribute", "username goes with token, and there is none.")
	}
	if a.Get("ca_file") != nil && scheme == "http" && !way.hosted {
		l.Fault(a.At("ca_file"), "Useless attribute", "ca_file belongs to an https URL, and this one is http://.")
	}
	if r.CAFile != "" {
		decode.CheckCertificates(l, a, "ca_file", r.CAFile)
	}
}

func sshHint(name, scheme string) string {
	switch {
	case scheme == "ssh" && name == "username":
		return " Write the user into the URL: ssh://USER@host/path."
	case scheme == "ssh" && name == "token":
		return " ssh needs an ssh block with a key_file."
	}
	return ""
}

// readSSHAccess reads the ssh block. Both files are required: without a key there is nobody to ask for one, and a host key is never
// taken on trust.
func readSSHAccess(l *decode.Reader, b *hcl.Block, blocks hcl.Blocks, r *Repository, scheme string) {
	block := l.Single(blocks, "ssh")
	if block == nil {
		if scheme == "ssh" {
			l.Fault(b.DefRange, "Missing ssh block", "An ssh URL needs a block ssh { key_file = \"...\", known_hosts_file = \"...\" }, each on a line of its own.")
		}
		return
	}
	if scheme != "ssh" && scheme != "" {
		l.Fault(block.DefRange, "Useless block", "An ssh block belongs to an ssh URL, and this one is %s://.", scheme)
	}
	a := l.Block(block, shape.SSH())
	l.Secret(a, "passphrase", &r.SSHPassphrase)
	if l.Path(a, "key_file", &r.SSHKeyFile) {
		if err := l.CheckSecretFile(r.SSHKeyFile); err != nil {
			l.Fault(a.At("key_file"), "Unusable file", "key_file: %s.", err)
		}
	}
	if l.Path(a, "known_hosts_file", &r.KnownHostsFile) {
		if _, err := l.TrustFile(r.KnownHostsFile); err != nil {
			l.Fault(a.At("known_hosts_file"), "Unusable file", "known_hosts_file: %s.", err)
		}
	}
}
