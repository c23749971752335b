package config

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// maxTrustFile bounds host key, certificate and settings files, in bytes.
const maxTrustFile = 16 << 20

// repository reads a repository block. It always returns one, so that its stacks are not called homeless as well.
func (l *loader) repository(b *hcl.Block) *Repository {
	content := l.content(b.Body, repositoryShape())
	a := attributes{own: content.Attributes, header: b.DefRange}
	r := &Repository{Name: b.Labels[0], Branch: "main", Schedule: "@every 30s"}

	l.branch(a, r)
	l.schedule(a, "schedule", &r.Schedule)
	rewritten := "hold"
	l.oneOf(a, "rewritten_history", &rewritten, "hold", "follow")
	r.FollowRewritten = rewritten == "follow"
	l.size(a, "max_object_size", &r.MaxObjectSize, sizes{least: 1 << 20, most: 16 << 30})

	var raw, scheme string
	if l.str(a, "url", &raw) {
		re, err := parseRemote(raw)
		if err != nil {
			l.fault(a.at("url"), "Invalid URL", "The url of a repository cannot be used: %s.", err)
		} else {
			r.URL, r.Username, scheme = re.url, re.user, re.scheme
		}
	}
	hosted := l.single(content.Blocks, "github")
	if hosted != nil {
		l.github(r, hosted)
	}
	l.httpAccess(a, r, access{scheme: scheme, hosted: hosted != nil})
	l.modulesFrom(a, r, scheme)
	l.sshAccess(b, content.Blocks, r, scheme)
	l.trust(a, content.Blocks, r)
	return r
}

// branch checks the name of the branch by git's own rules, as far as they matter for a ref that is asked for.
func (l *loader) branch(a attributes, r *Repository) {
	if !l.str(a, "branch", &r.Branch) {
		return
	}
	bad := r.Branch == "" || r.Branch == "@" || strings.ContainsAny(r.Branch, " ~^:?*[\\\x7f") ||
		strings.ContainsFunc(r.Branch, func(c rune) bool { return c < ' ' }) ||
		strings.HasPrefix(r.Branch, "-") || strings.HasSuffix(r.Branch, ".") ||
		strings.Contains(r.Branch, "..") || strings.Contains(r.Branch, "@{")
	for _, part := range strings.Split(r.Branch, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	switch {
	case bad:
		l.fault(a.at("branch"), "Invalid branch", "%q cannot be the name of a branch in git.", r.Branch)
	case strings.HasPrefix(r.Branch, "refs/"):
		l.fault(a.at("branch"), "Invalid branch", "branch takes the short name of a branch: %q.", strings.TrimPrefix(strings.TrimPrefix(r.Branch, "refs/"), "heads/"))
	}
}

// access is what decides which credentials make sense. An empty scheme is that of a URL that was faulted.
type access struct {
	scheme string
	hosted bool // there is a github block, which ca_file covers
}

// httpAccess reads token, username and ca_file, which belong to http and https.
func (l *loader) httpAccess(a attributes, r *Repository, way access) {
	scheme := way.scheme
	hasToken := l.headerSecret(a, "token", &r.Token)
	if hasToken {
		r.Username = "x-access-token"
	}
	l.str(a, "username", &r.Username)
	l.path(a, "ca_file", &r.CAFile)
	if scheme == "ssh" || scheme == "file" {
		for _, name := range []string{"token", "username", "ca_file"} {
			if a.get(name) != nil && (name != "ca_file" || !way.hosted) {
				l.fault(a.get(name).NameRange, "Useless attribute", "%s belongs to an https URL, and this one is %s://.%s", name, scheme, sshHint(name, scheme))
			}
		}
		if r.CAFile != "" && way.hosted {
			l.certificates(a, r.CAFile)
		}
		return
	}
	if a.get("username") != nil && !hasToken {
		l.fault(a.at("username"), "Useless attribute", "username goes with token, and there is none.")
	}
	if a.get("ca_file") != nil && scheme == "http" && !way.hosted {
		l.fault(a.at("ca_file"), "Useless attribute", "ca_file belongs to an https URL, and this one is http://.")
	}
	if r.CAFile != "" {
		l.certificates(a, r.CAFile)
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

// certificates checks that a file holds certificates in PEM form.
func (l *loader) certificates(a attributes, path string) {
	data, err := l.trustFile(path)
	if err != nil {
		l.fault(a.at("ca_file"), "Unusable file", "ca_file: %s.", err)
		return
	}
	found := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			l.fault(a.at("ca_file"), "Unusable file", "ca_file: %s holds a %s; only certificates belong there.", path, strings.ToLower(block.Type))
			return
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			l.fault(a.at("ca_file"), "Unusable file", "ca_file: certificate %d of %s cannot be read.", found+1, path)
			return
		}
		found++
	}
	if found == 0 {
		l.fault(a.at("ca_file"), "Unusable file", "ca_file: %s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).", path)
	}
}

// sshAccess reads the ssh block. Both files are required: without a key there is nobody to ask for one, and a host key is never
// taken on trust.
func (l *loader) sshAccess(b *hcl.Block, blocks hcl.Blocks, r *Repository, scheme string) {
	block := l.single(blocks, "ssh")
	if block == nil {
		if scheme == "ssh" {
			l.fault(b.DefRange, "Missing ssh block", "An ssh URL needs a block ssh { key_file = \"...\", known_hosts_file = \"...\" }, each on a line of its own.")
		}
		return
	}
	if scheme != "ssh" && scheme != "" {
		l.fault(block.DefRange, "Useless block", "An ssh block belongs to an ssh URL, and this one is %s://.", scheme)
	}
	a := attributes{own: l.content(block.Body, sshShape()).Attributes, header: block.DefRange}
	l.secret(a, "passphrase", &r.SSHPassphrase)
	if l.path(a, "key_file", &r.SSHKeyFile) {
		if _, err := readBounded(r.SSHKeyFile, maxSecretSize, l.secretMode(r.SSHKeyFile)); err != nil {
			l.fault(a.at("key_file"), "Unusable file", "key_file: %s.", err)
		}
	}
	if l.path(a, "known_hosts_file", &r.KnownHostsFile) {
		if _, err := l.trustFile(r.KnownHostsFile); err != nil {
			l.fault(a.at("known_hosts_file"), "Unusable file", "known_hosts_file: %s.", err)
		}
	}
}

// path reads the path of a file of the host and makes it absolute.
func (l *loader) path(a attributes, name string, dst *string) bool {
	var text string
	if !l.str(a, name, &text) {
		return false
	}
	if text == "" || strings.ContainsRune(text, 0) {
		l.fault(a.at(name), "Invalid path", "%s is not a path.", name)
		return false
	}
	*dst = l.abs(text)
	return true
}

// trustFile reads a file that the agent believes: everybody may read it, nobody else may write it.
func (l *loader) trustFile(path string) ([]byte, error) {
	data, err := readBounded(path, maxTrustFile, func(info fs.FileInfo) error { return l.checkMode(path, info, writableByOthers) })
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	return data, nil
}
