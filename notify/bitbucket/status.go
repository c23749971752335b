package bitbucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"sallyport/notify/forge"
	"sallyport/notify/forge/wire"
	"sallyport/notify/redact"
)

const (
	maxName        = 255
	maxDescription = 255
	maxTarget      = 450 // what Data Center keeps
)

// build is a status as both products take it. Cloud has refname, Data Center ref.
type build struct {
	Key         string `json:"key"`
	State       string `json:"state"`
	URL         string `json:"url"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	RefName     string `json:"refname,omitempty"`
	Ref         string `json:"ref,omitempty"`
}

// product is what differs between Cloud and Data Center.
type product interface {
	repository() string           // address of the repository
	builds(commit string) string  // address of a commit's statuses
	page(commit string) string    // for people
	onto(b *build, branch string) // names the branch
	gitUser() string
	wants() string // the token that is needed
}

type cloud struct{ o Options }

func (p cloud) repository() string {
	return p.o.CloudAPI + "/2.0/repositories/" + url.PathEscape(p.o.owner) + "/" + url.PathEscape(p.o.slug)
}
func (p cloud) builds(commit string) string {
	return p.repository() + "/commit/" + commit + "/statuses/build"
}
func (p cloud) page(commit string) string {
	return "https://bitbucket.org/" + url.PathEscape(p.o.owner) + "/" + url.PathEscape(p.o.slug) + "/commits/" + commit
}
func (p cloud) onto(b *build, branch string) {
	b.RefName = branch
	b.URL = strings.NewReplacer("{", "%7B", "}", "%7D").Replace(b.URL) // which would be filled in by Bitbucket
}
func (p cloud) gitUser() string {
	if p.o.Username != "" {
		return "x-bitbucket-api-token-auth"
	}
	return "x-token-auth"
}
func (p cloud) wants() string {
	return "make an access token of the repository with repository:write, or an API token with read:repository:bitbucket and " +
		"write:repository:bitbucket and set bitbucket.username to its account's e-mail"
}

type dataCenter struct{ o Options }

func (p dataCenter) repository() string {
	return p.o.base.String() + "/rest/api/latest/projects/" + url.PathEscape(p.o.owner) + "/repos/" + url.PathEscape(p.o.slug)
}
func (p dataCenter) builds(commit string) string {
	return p.repository() + "/commits/" + commit + "/builds"
}
func (p dataCenter) page(commit string) string {
	return p.o.base.String() + "/projects/" + url.PathEscape(p.o.owner) + "/repos/" + url.PathEscape(p.o.slug) + "/commits/" + commit
}

// onto names the whole ref, or the pull request does not show the status.
func (p dataCenter) onto(b *build, branch string) {
	if branch != "" {
		b.Ref = "refs/heads/" + branch
	}
}
func (p dataCenter) gitUser() string { return "x-token-auth" }
func (p dataCenter) wants() string {
	return "make an HTTP access token with the right to read the repository"
}

// stateOf maps states. One that it does not know must never look like a success.
func stateOf(s forge.State) (string, error) {
	switch s {
	case forge.Pending:
		return "INPROGRESS", nil
	case forge.Success:
		return "SUCCESSFUL", nil
	case forge.Failure, forge.Broken:
		return "FAILED", nil
	}
	return "", wire.Refused(site, "setting a status", "%.20q is no state", string(s))
}

// key is what a context is called at Bitbucket, in the 40 characters that it takes.
func key(context string) string {
	sum := sha256.Sum256([]byte(context))
	return hex.EncodeToString(sum[:20])
}

// SetStatus sets a commit's status of one context. It may be repeated: it replaces the one before. A commit that Bitbucket does not know is
// [wire.Invalid], where the repository itself can be read.
func (c *Client) SetStatus(ctx context.Context, at forge.Head, s forge.Status) error {
	const doing = "setting a status"
	if !hashPattern.MatchString(at.Commit) {
		return fmt.Errorf("%s: %.80q is no full hash", doing, at.Commit)
	}
	state, err := stateOf(s.State)
	if err != nil {
		return err
	}
	name := redact.CleanLine(s.Context)
	b := build{Key: key(name), State: state, Name: forge.Cut(name, maxName), Description: forge.Cut(redact.CleanLine(s.Description), maxDescription),
		URL: wire.Target(s.TargetURL, maxTarget)}
	if u, err := url.Parse(b.URL); b.URL == "" || err != nil || !strings.ContainsAny(u.Hostname(), ".:") {
		b.URL = c.product.page(at.Commit) // a bare name of a host is refused as no address
	}
	c.product.onto(&b, redact.CleanLine(at.Branch))
	err = c.send(ctx, doing, http.MethodPost, c.product.builds(at.Commit), b, nil)
	if wire.KindOf(err) != wire.NotFound {
		return err
	}
	// Either the repository is not there or the commit is not, and the latter may never come (again).
	if c.send(ctx, "reading the repository", http.MethodGet, c.product.repository(), nil, nil) != nil {
		return err
	}
	return wire.Refused(site, doing, "the site does not know the commit %.10s", at.Commit)
}

// Probe asks whether the token can read the repository, and whether it may set a status, by one of a commit that does not exist. Bitbucket
// looks at the token first. It changes nothing.
func (c *Client) Probe(ctx context.Context) (forge.Probe, error) {
	var p forge.Probe
	var repository struct {
		FullName string `json:"full_name"`
		Slug     string
		Archived bool
	}
	const doing = "reading the repository"
	if err := c.send(ctx, doing, http.MethodGet, c.product.repository(), nil, &repository); err != nil {
		return p, err
	}
	if !strings.EqualFold(repository.Slug, c.opts.slug) && !strings.EqualFold(repository.FullName, c.opts.Repository) {
		return p, wire.Odd(site, doing, "it describes "+redact.CleanLine(repository.FullName+repository.Slug))
	}
	p.Archived, p.Version = repository.Archived, c.version(ctx)
	write := forge.Permission{Name: c.product.wants(), For: "commit statuses"}
	err := c.SetStatus(ctx, forge.Head{Commit: strings.Repeat("0", 40)}, forge.Status{Context: "sallyport", State: forge.Pending})
	switch wire.KindOf(err) {
	case wire.Invalid: // the commit is not there, and the token was good enough to look
		write.Verdict = forge.Granted
	case wire.Forbidden, wire.Unauthorized:
		write.Verdict, write.Err = forge.Missing, err
	default:
		if err == nil {
			err = errors.New("a status was taken of a commit that does not exist")
		}
		write.Verdict, write.Err = forge.Unclear, err
	}
	p.Permissions = append(p.Permissions, write)
	return p, nil
}

// version is what the site is; Cloud has none.
func (c *Client) version(ctx context.Context) string {
	p, is := c.product.(dataCenter)
	if !is {
		return "Cloud"
	}
	var properties struct{ Version string }
	if err := c.send(ctx, "asking for the version", http.MethodGet, p.o.base.String()+"/rest/api/latest/application-properties", nil, &properties); err != nil {
		return ""
	}
	return "Data Center " + redact.CleanLine(properties.Version)
}
