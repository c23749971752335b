package giteatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func (s api) commitJSON(c *Commit) any {
	person := func(email string, at time.Time) map[string]any {
		name, _, _ := strings.Cut(email, "@")
		return map[string]any{"name": name, "email": email, "date": stamp(at)}
	}
	parents := []any{}
	for _, sha := range c.Parents {
		parents = append(parents, map[string]any{"sha": sha, "created": "0001-01-01T00:00:00Z"})
	}
	return map[string]any{"sha": c.SHA, "created": stamp(c.Committed), "author": s.accountJSON(c.Author), "committer": s.accountJSON(c.Committer),
		"commit": map[string]any{"message": c.Message, "author": person(c.AuthorEmail, c.Authored), "committer": person(c.CommitterEmail, c.Committed)}, "parents": parents}
}

func (s api) getCommit(r *request, repo *repository) answer {
	c := repo.commits[r.PathValue("sha")]
	if c == nil {
		return notFound()
	}
	return ok(s.commitJSON(c))
}

// listHistory is what a commit's first parents lead to.
func (s api) listHistory(r *request, repo *repository) answer {
	var out []any
	for c := repo.commits[r.URL.Query().Get("sha")]; c != nil; {
		out = append(out, s.commitJSON(c))
		if len(c.Parents) == 0 {
			break
		}
		c = repo.commits[c.Parents[0]]
	}
	if len(out) == 0 {
		return notFound()
	}
	return s.paged(r, out)
}

// listPullCommits are the commits up to what the pull request's own ref points to, newest first.
func (s api) listPullCommits(r *request, repo *repository, p *Pull) answer {
	var out []any
	commits := p.Commits
	if i := slices.Index(commits, p.kept); i >= 0 {
		commits = commits[:i+1]
	}
	for _, sha := range slices.Backward(commits) {
		out = append(out, s.commitJSON(repo.commits[sha]))
	}
	return s.paged(r, out)
}

// getCommitPull knows commits that a merge ended in, and no others.
func (s api) getCommitPull(r *request, repo *repository) answer {
	for _, p := range repo.pulls {
		if p.MergeCommit != "" && p.MergeCommit == r.PathValue("sha") {
			return ok(s.pullJSON(repo, p))
		}
	}
	return say(http.StatusNotFound, "pull request does not exist [id: 0, issue_id: 0, head_repo_id: 0, base_repo_id: 1, head_branch: , base_branch: ]")
}

func (s api) listReviews(r *request, _ *repository, p *Pull) answer {
	var out []any
	for _, v := range p.reviews {
		out = append(out, map[string]any{"id": v.ID, "user": s.userJSON(v.Author), "team": nil, "state": v.State, "body": "", "commit_id": v.Commit,
			"stale": v.Stale, "official": v.Official, "dismissed": v.Dismissed, "submitted_at": stamp(v.At)})
	}
	return s.paged(r, out)
}

func (s api) commentJSON(r *repository, c *Comment) any {
	return map[string]any{"id": c.ID, "body": c.Body, "user": s.userJSON(c.Author), "original_author": "", "created_at": stamp(c.CreatedAt),
		"updated_at": stamp(c.UpdatedAt), "html_url": fmt.Sprintf("%s/%s/pulls/%d#issuecomment-%d", s.URL(), r.Name, c.Pull, c.ID)}
}

// listComments has no pages.
func (s api) listComments(r *request, repo *repository, p *Pull) answer {
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil && r.URL.Query().Get("since") != "" {
		return say(http.StatusUnprocessableEntity, "parsing time")
	}
	out := []any{}
	for _, c := range repo.comments {
		if c.Pull == p.Number && !c.Deleted && !c.UpdatedAt.Before(since) {
			out = append(out, s.commentJSON(repo, c))
		}
	}
	a := ok(out)
	a.Header = http.Header{"X-Total-Count": {fmt.Sprint(len(out))}}
	return a
}

// listTimeline is everything that happened, and has pages only where one is asked for. What is left out of a page is left out after it was cut.
func (s api) listTimeline(r *request, repo *repository, p *Pull) answer {
	type entry struct {
		at   time.Time
		body any // nil: left out
	}
	var all []entry
	for _, c := range repo.comments {
		if c.Pull == p.Number && !c.Deleted {
			body := s.commentJSON(repo, c).(map[string]any)
			body["type"] = "comment"
			all = append(all, entry{c.CreatedAt, body})
		}
	}
	for _, one := range p.pushes {
		if one.late {
			continue
		}
		raw, _ := json.Marshal(map[string]any{"is_force_push": one.forced, "commit_ids": one.commits}) // plain values
		all = append(all, entry{one.at, map[string]any{"id": 1, "type": "pull_push", "user": s.userJSON(one.by), "body": string(raw), "created_at": stamp(one.at), "updated_at": stamp(one.at)}})
	}
	for _, v := range p.reviews {
		if v.State == "COMMENT" {
			all = append(all, entry{v.At, nil}) // words on a line of the diff
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	if page := atoi(r.URL.Query().Get("page")); page > 0 {
		size := min(max(atoi(r.URL.Query().Get("limit")), 1), s.opts.PageLimit)
		all = all[min((page-1)*size, len(all)):min(page*size, len(all))]
	}
	var out []any // null if there is nothing
	for _, e := range all {
		if e.body != nil {
			out = append(out, e.body)
		}
	}
	return ok(out)
}

func (s api) createComment(r *request, repo *repository, p *Pull) answer {
	if repo.Archived {
		return say(http.StatusLocked, fmt.Sprintf("<Repository %d:%s> is archived", repo.ID, repo.Name))
	}
	body, _ := r.Fields["body"].(string)
	if body == "" {
		return say(http.StatusUnprocessableEntity, "[Body]: Required")
	}
	c := s.addComment(repo, p, s.opts.Login, body)
	return answer{Status: http.StatusCreated, Body: s.commentJSON(repo, c)}
}

func (s api) editComment(r *request, repo *repository) answer {
	c := repo.comment(int64(atoi(r.PathValue("id"))))
	if c == nil {
		return notFound("comment does not exist")
	}
	if c.Author != s.opts.Login && rank(s.can(repo, s.opts.Login)) < rank("write") {
		return answer{Status: http.StatusForbidden} // without a word
	}
	body, _ := r.Fields["body"].(string)
	if body == "" {
		return say(http.StatusUnprocessableEntity, "[Body]: Required")
	}
	if body != c.Body {
		s.setBody(c, body)
	}
	return ok(s.commentJSON(repo, c))
}
