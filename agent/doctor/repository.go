package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/repo"
	"sallyport/agent/terraform/cache"
	"sallyport/notify/words"
)

// repository tries to get in, and to read the stacks at the newest commit.
func (d *doctor) repository(ctx context.Context, r *config.Repository, tools func() <-chan toolbox) []*section {
	s := d.section("repository " + r.Name + " " + r.URL)
	dir, err := os.MkdirTemp("", "sallyport-doctor-")
	if err != nil {
		s.fail("temporary directory", "make room, or set TMPDIR", "%v", err)
		return []*section{s}
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			s.warn("temporary directory", "", "removing it: %v", err)
		}
	}()
	client, err := siteClient(r, d.o.Timeout)
	if err != nil {
		client = nil // told in its own section
	}
	if client != nil {
		defer client.Close()
	}
	password, username := gitPassword(r, client), r.Username
	if password != nil {
		username = client.GitUser()
	}
	git, err := repo.Open(repo.Options{
		Name: r.Name, URL: r.URL, Branch: r.Branch, Dir: filepath.Join(dir, "mirror.git"),
		SSHKeyFile: r.SSHKeyFile, SSHPassphrase: r.SSHPassphrase, KnownHostsFile: r.KnownHostsFile,
		Username: username, Token: r.Token, CAFile: r.CAFile, Password: password,
		MaxObjectSize: r.MaxObjectSize, Timeout: d.o.Timeout, FetchTimeout: d.o.Timeout,
	})
	if err != nil {
		s.fail("url", hint.Of(err), "%v", err)
		return []*section{s}
	}
	defer func() { _ = git.Close() }() // nothing depends on how an idle connection ends
	tip, err := git.Poll(ctx)
	if err != nil {
		s.fail("poll", hint.Of(err), "%v", err)
		return []*section{s}
	}
	s.ok("poll", "it answers, and branch %s is at %s", r.Branch, words.Short(tip.Commit))
	tree, commit, err := fetch(ctx, git, tip.Commit)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		s.warn("fetch", "the agent has more time; sallyport status shows how it fares", "it takes longer than %s, so its stacks are not looked at", fetchTimeout)
		return []*section{s}
	}
	if err != nil {
		s.fail("fetch", hint.Of(err), "%v", err)
		return []*section{s}
	}
	s.ok("fetch", "commits can be read")
	at := &checkout{
		config: r, git: git, commit: commit, tree: tree, dir: dir, cache: cache.New(filepath.Join(dir, "cache")),
	}
	return append([]*section{s}, d.stacks(ctx, at, s, tools)...)
}

// checkout is a fetched commit, and where stacks can be tried at it.
type checkout struct {
	config *config.Repository
	git    *repo.Repository
	commit string
	tree   *repo.Tree
	dir    string       // scratch; goes away with the check of the repository
	cache  *cache.Cache // in dir, so that stacks share what the first of them downloads
}

// fetch gets a commit, or the one that has taken its place meanwhile.
func fetch(ctx context.Context, git *repo.Repository, commit string) (*repo.Tree, string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	err := git.Fetch(ctx, commit)
	if errors.Is(err, repo.ErrMoved) { // somebody has just pushed
		tip, pollErr := git.Poll(ctx)
		if pollErr != nil {
			return nil, "", pollErr
		}
		commit, err = tip.Commit, git.Fetch(ctx, tip.Commit)
	}
	if err != nil {
		return nil, "", err
	}
	tree, err := git.Tree(commit)
	return tree, commit, err
}
