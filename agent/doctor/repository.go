package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sallyport/agent/config"
	"sallyport/agent/repo"
)

// repository tries to get in, and to read the stacks at the newest commit.
func (d *doctor) repository(ctx context.Context, r *config.Repository, tool func() <-chan found) []*section {
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
	git, err := repo.Open(repo.Options{
		Name: r.Name, URL: r.URL, Branch: r.Branch, Dir: filepath.Join(dir, "mirror.git"),
		SSHKeyFile: r.SSHKeyFile, SSHPassphrase: r.SSHPassphrase, KnownHostsFile: r.KnownHostsFile,
		Username: r.Username, Token: r.Token, CAFile: r.CAFile, Timeout: d.o.Timeout, FetchTimeout: d.o.Timeout,
	})
	if err != nil {
		s.fail("url", hintOf(err), "%v", err)
		return []*section{s}
	}
	defer func() { _ = git.Close() }() // nothing depends on how an idle connection ends
	tip, err := git.Poll(ctx)
	if err != nil {
		s.fail("poll", hintOf(err), "%v", err)
		return []*section{s}
	}
	s.ok("poll", "it answers, and branch %s is at %.8s", r.Branch, tip.Commit)
	tree, err := d.fetch(ctx, git, tip.Commit)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		s.warn("fetch", "the agent has more time; sallyport status shows how it fares", "it takes longer than %s, so its stacks are not looked at", fetchTimeout)
		return []*section{s}
	}
	if err != nil {
		s.fail("fetch", hintOf(err), "%v", err)
		return []*section{s}
	}
	s.ok("fetch", "commits can be read")
	return append([]*section{s}, d.stacks(r, tree, s, tool)...)
}

func (d *doctor) fetch(ctx context.Context, git *repo.Repository, commit string) (*repo.Tree, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	err := git.Fetch(ctx, commit)
	if errors.Is(err, repo.ErrMoved) { // somebody has just pushed
		tip, pollErr := git.Poll(ctx)
		if pollErr != nil {
			return nil, pollErr
		}
		commit, err = tip.Commit, git.Fetch(ctx, tip.Commit)
	}
	if err != nil {
		return nil, err
	}
	return git.Tree(commit)
}
