package stack

import (
	"path/filepath"
	"testing"

	"sallyport/agent/repo"
	"sallyport/agent/repo/gittest"
)

// commits makes trees of real commits: what is read is what the agent reads.
type commits struct {
	t    *testing.T
	git  *gittest.Repo
	repo *repo.Repository
}

func newCommits(t *testing.T) *commits {
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
	return &commits{t, g, r}
}

// tree commits exactly these files; see [gittest.Repo.Import].
func (c *commits) tree(files map[string]string) *repo.Tree {
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

func treeOf(t *testing.T, files map[string]string) *repo.Tree {
	t.Helper()
	return newCommits(t).tree(files)
}
