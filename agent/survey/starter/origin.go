package starter

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/config/naming"
	"sallyport/agent/config/remote"
	"sallyport/agent/hint"
)

// origin is where a checkout comes from.
type origin struct {
	dir    string // absolute
	name   string // of the repository, as a label
	url    string // without a password; empty: none that can be polled
	secret bool   // there was one in it
	scheme string
	branch string
}

// readOrigin reads it from git's own records.
func readOrigin(checkout string) (origin, error) {
	dir, err := filepath.Abs(checkout)
	if err != nil {
		return origin{}, err
	}
	r, err := git.PlainOpenWithOptions(dir, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return origin{}, hint.Refuse("--repo takes the directory of a checkout, the one with .git in it", "%s is no git repository: %s", dir, err)
	}
	o := origin{dir: dir, branch: "main"}
	if head, err := r.Reference(plumbing.HEAD, false); err == nil && head.Type() == plumbing.SymbolicReference {
		o.branch = head.Target().Short()
	}
	if ref, err := r.Reference("refs/remotes/origin/HEAD", false); err == nil && ref.Type() == plumbing.SymbolicReference {
		o.branch = strings.TrimPrefix(ref.Target().Short(), "origin/")
	}
	if from, err := r.Remote(git.DefaultRemoteName); err == nil && len(from.Config().URLs) > 0 {
		o.url, o.secret = withoutPassword(from.Config().URLs[0])
	}
	parsed, err := remote.Parse(o.url)
	if o.scheme = parsed.Scheme; err != nil {
		o.url = "" // nothing that can be polled
	}
	o.name = nameOf(o.url, dir)
	return o, nil
}

// withoutPassword takes out what must not stand in a configuration, and reports whether there was something. A user alone stays: ssh
// needs one.
func withoutPassword(raw string) (string, bool) {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil || u.Scheme != "http" && u.Scheme != "https" {
		return raw, false
	}
	u.User = nil
	return u.String(), true
}

// nameOf is the last part of a repository's address, or of its directory, as a name.
func nameOf(url, dir string) string {
	last := filepath.Base(dir)
	if url != "" {
		last = path.Base(strings.ReplaceAll(strings.TrimRight(url, "/"), ":", "/"))
	}
	if last = strings.TrimSuffix(last, ".git"); last != "" && last != "." {
		if name := strings.ToLower(naming.Of("", last)); naming.Valid(name) {
			return name
		}
	}
	return "infra"
}

// place is an address that a repository can be polled at.
type place struct {
	url    string
	beside string   // the repository's own address, where this is the checkout
	notes  []string // what somebody has to decide
}

// places are those that can be tried, the best first.
func (o origin) places() []place {
	local := place{url: (&url.URL{Scheme: "file", Path: o.dir}).String(), beside: o.url}
	if o.url == "" {
		return []place{local}
	}
	own := place{url: o.url}
	if o.secret {
		own.notes = append(own.notes, "the address had a password in it, which is left out: the token goes into a file of its own, see EDIT")
	}
	local.notes = append(own.notes, "the checkout itself is polled: "+o.url+" needs what is not on this machine yet, see EDIT")
	return []place{own, local}
}
