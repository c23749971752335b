// Package stacktest makes commits for tests of what is read in them: trees of a real git repository, as the agent reads them.
package stacktest

import (
	"path/filepath"
	"testing"

	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// Commits makes trees of real commits: what is read is what the agent reads.
type Commits struct {
	t    *testing.T
	git  *gittest.Repo
	repo *repo.Repository
}

// NewCommits makes a repository without any. It ends with the test.
func NewCommits(t *testing.T) *Commits {
	t.Helper()
	g := gittest.NewRepo(t, "", "infra")
	r, err := repo.Open(repo.Options{Name: "infra", URL: g.Bare, Branch: "main", Dir: filepath.Join(t.TempDir(), "mirror.git")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Commits{t, g, r}
}

// tree Commits exactly these files; see [gittest.Repo.Import].
func (c *Commits) Tree(files map[string]string) *repo.Tree {
	c.t.Helper()
	head := c.git.Import("refs/heads/main", "", files)
	if err := c.repo.Fetch(c.t.Context(), head); err != nil {
		c.t.Fatal(err)
	}
	tree, err := c.repo.Tree(head)
	if err != nil {
		c.t.Fatal(err)
	}
	return tree
}

// TreeOf is one of a repository of its own.
func TreeOf(t *testing.T, files map[string]string) *repo.Tree {
	t.Helper()
	return NewCommits(t).Tree(files)
}
