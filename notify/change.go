package notify

import (
	"fmt"

	"sallyport/store"
)

// Change is what the site calls the pull request of a preview: "pull request 12", "merge request !12"; empty of other runs.
func Change(r *store.Run) string {
	switch {
	case r.Change != "":
		return r.Change
	case r.PullRequest != 0:
		return fmt.Sprintf("pull request %d", r.PullRequest)
	}
	return ""
}

// Merged is what the site calls a pull request that was merged: "pull request #12", "merge request !12".
func Merged(p store.OriginPull) string {
	if p.Change != "" {
		return p.Change
	}
	return fmt.Sprintf("pull request #%d", p.Number)
}
