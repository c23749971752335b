package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"sallyport/agent/config"
	"sallyport/agent/datadir"
	"sallyport/agent/terraform/cache"
	"sallyport/notify/words"
)

// offline says whether the agent could plan a stack with git host and registry both dead, which is when it is needed most.
// It is asked after a good init, so what the stack needs is known.
func offline(s *section, cfg *config.Config, at *checkout, name string) {
	mirror := datadir.Mirror(cfg.DataDir, at.config.Name)
	if _, err := os.Stat(mirror); err != nil {
		return // before the agent's first start, or not to be read by this user
	}
	needs, err := at.cache.Offline(name)
	if err != nil {
		s.warn("offline", "", "%v", err)
		return
	}
	commit := at.commit
	if needs != nil {
		kept, err := cache.New(datadir.Cache(cfg.DataDir)).Offline(name)
		again := "sallyport plan " + name + " while both answer: the agent keeps what a plan needs"
		switch {
		case errors.Is(err, fs.ErrPermission):
			return
		case err != nil:
			s.warn("offline", again, "%v", err)
			return
		case kept == nil:
			s.warn("offline", again, "with git host and registry both dead it could not be planned: nothing is kept of it yet")
			return
		case len(kept.Missing) > 0 && !filepath.IsAbs(cfg.Terraform.ProviderMirror):
			s.warn("offline", again, "with git host and registry both dead it could not be planned: not kept are %s", strings.Join(kept.Missing, ", "))
			return
		}
		commit = kept.Commit
	}
	if !holds(mirror, commit) {
		s.warn("offline", "start the agent while the git host answers", "with the git host dead it could not be planned: the agent's mirror has no commit %s", words.Short(commit))
		return
	}
	s.ok("offline", "it could be planned at %s with git host and registry both dead", words.Short(commit))
}

// holds reports whether a mirror has a commit.
func holds(mirror, commit string) bool {
	r, err := git.PlainOpen(mirror)
	if err != nil {
		return false
	}
	_, err = r.CommitObject(plumbing.NewHash(commit))
	return err == nil
}
