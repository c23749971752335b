package githubtest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

func ok(body any) answer { return answer{status: http.StatusOK, body: body} }

func (s api) userJSON(login string) any {
	u := s.users[strings.ToLower(login)]
	if u == nil {
		return nil // the account is gone
	}
	kind := "User"
	if u.Bot {
		kind = "Bot"
	}
	return map[string]any{"login": u.Login, "id": u.ID, "type": kind, "site_admin": false, "html_url": s.url + "/" + u.Login}
}

func (s api) repoJSON(r *repository) any {
	owner, name, _ := strings.Cut(r.Name, "/")
	return map[string]any{"id": r.ID, "name": name, "full_name": r.Name, "private": r.Private, "fork": r.ForkOf != "", "archived": r.Archived,
		"owner": map[string]any{"login": owner, "id": 5000 + r.ID, "type": "Organization"}, "default_branch": "main",
		"permissions": map[string]any{"pull": true, "push": true, "admin": false}}
}

func (s api) getRepository(r *request) answer { return ok(s.repoJSON(r.repo)) }

func (s api) getSelf(r *request) answer {
	if s.opts.App {
		return refuse(http.StatusForbidden, "Resource not accessible by integration")
	}
	return ok(s.userJSON(r.login))
}

func (s api) getUser(r *request) answer {
	u := s.userJSON(r.PathValue("login"))
	if u == nil {
		return notFound()
	}
	return ok(u)
}

func (s api) getPermission(r *request) answer {
	login := r.PathValue("login")
	user := s.userJSON(login)
	if user == nil {
		return refuse(http.StatusNotFound, login+" is not a user")
	}
	role := r.repo.Access[strings.ToLower(login)]
	switch {
	case role == "" && !r.repo.Private:
		role = "read"
	case role == "":
		role = "none"
	}
	level := role
	switch role {
	case "maintain":
		level = "write"
	case "triage":
		level = "read"
	}
	return ok(map[string]any{"permission": level, "role_name": role, "user": user})
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(time.RFC3339)
}

// pullJSON is a pull request as lists show it.
func (s api) pullJSON(r *repository, p *Pull) map[string]any {
	state := "open"
	if !p.Open {
		state = "closed"
	}
	merge := any(nil)
	if p.MergeCommit != "" {
		merge = p.MergeCommit
	} else if p.Open {
		merge = strings.Repeat("7", 40) // the try that GitHub makes
	}
	head := map[string]any{"sha": p.Head, "ref": p.HeadRef, "label": p.HeadRef, "repo": nil, "user": s.userJSON(p.Author)}
	if from := s.repoByID(p.From); from != nil {
		head["repo"] = s.repoJSON(from)
	}
	return map[string]any{
		"id": 100000 + p.Number, "number": p.Number, "state": state, "title": p.Title, "body": p.Body, "draft": p.Draft, "locked": false,
		"user": s.userJSON(p.Author), "author_association": p.Association, "html_url": fmt.Sprintf("%s/%s/pull/%d", s.url, r.Name, p.Number),
		"created_at": stamp(p.CreatedAt), "updated_at": stamp(p.UpdatedAt), "merged_at": stamp(p.MergedAt), "closed_at": stamp(p.ClosedAt),
		"merge_commit_sha": merge, "head": head,
		"base": map[string]any{"sha": p.Base, "ref": p.BaseRef, "label": p.BaseRef, "repo": s.repoJSON(r), "user": nil},
	}
}

func (s api) listPulls(r *request) answer {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	var list []*Pull
	for _, p := range r.repo.pulls {
		if state == "all" || (state == "open") == p.Open {
			list = append(list, p)
		}
	}
	key := func(p *Pull) int { return p.Number }
	if q.Get("sort") == "updated" {
		key = func(p *Pull) int { return int(p.UpdatedAt.UnixNano()) }
	}
	slices.SortStableFunc(list, func(a, b *Pull) int { return key(a) - key(b) })
	if q.Get("direction") == "desc" || q.Get("direction") == "" && q.Get("sort") != "updated" {
		slices.Reverse(list)
	}
	return s.paged(r, s.pullList(r.repo, list))
}

func (s api) pullList(repo *repository, list []*Pull) []any {
	out := make([]any, 0, len(list))
	for _, p := range list {
		out = append(out, s.pullJSON(repo, p))
	}
	return out
}

func (s api) getPull(r *request) answer {
	p := r.repo.pull(r.number("number"))
	if p == nil {
		return notFound()
	}
	out := s.pullJSON(r.repo, p)
	out["merged"], out["merged_by"], out["commits"] = !p.MergedAt.IsZero(), s.userJSON(p.MergedBy), len(p.Commits)
	return ok(out)
}

// maxPullCommits is how many commits of a pull request GitHub gives.
const maxPullCommits = 250

func (s api) listPullCommits(r *request) answer {
	p := r.repo.pull(r.number("number"))
	if p == nil {
		return notFound()
	}
	var out []any
	for _, sha := range p.Commits[:min(len(p.Commits), maxPullCommits)] {
		out = append(out, s.commitJSON(r.repo.commits[sha]))
	}
	return s.paged(r, out)
}

func (s api) commitJSON(c *Commit) any {
	person := func(email string) map[string]any { return map[string]any{"name": email, "email": email} }
	return map[string]any{"sha": c.SHA, "author": s.userJSON(c.Author), "committer": s.userJSON(c.Committer),
		"commit": map[string]any{"message": c.Message, "author": person(c.AuthorEmail), "committer": person(c.CommitterEmail)}}
}

func (s api) getCommit(r *request) answer {
	sha := r.PathValue("sha")
	c := r.repo.commits[sha]
	if c == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
	}
	return ok(s.commitJSON(c))
}

func (s api) listCommitPulls(r *request) answer {
	sha := r.PathValue("sha")
	if r.repo.commits[sha] == nil {
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
	}
	var list []*Pull
	for _, p := range r.repo.pulls {
		if p.Head == sha || p.MergeCommit == sha || slices.Contains(p.Commits, sha) || slices.Contains(p.Rebased, sha) {
			list = append(list, p)
		}
	}
	return s.paged(r, s.pullList(r.repo, list))
}

func (s api) listReviews(r *request) answer {
	p := r.repo.pull(r.number("number"))
	if p == nil {
		return notFound()
	}
	var out []any
	for _, v := range p.reviews {
		out = append(out, map[string]any{"id": v.ID, "user": s.userJSON(v.Author), "body": "", "state": v.State, "commit_id": v.Commit,
			"submitted_at": stamp(v.At), "author_association": "MEMBER"})
	}
	return s.paged(r, out)
}

func (s api) commentJSON(r *repository, c *Comment) any {
	return map[string]any{"id": c.ID, "body": c.Body, "user": s.userJSON(c.Author), "author_association": "MEMBER",
		"created_at": stamp(c.CreatedAt), "updated_at": stamp(c.UpdatedAt),
		"html_url": fmt.Sprintf("%s/%s/pull/%d#issuecomment-%d", s.url, r.Name, c.Pull, c.ID)}
}

func (s api) listComments(r *request) answer {
	p := r.repo.pull(r.number("number"))
	if p == nil {
		return notFound()
	}
	since, err := time.Parse(time.RFC3339, r.URL.Query().Get("since"))
	if err != nil && r.URL.Query().Get("since") != "" {
		return refuse(http.StatusUnprocessableEntity, "Validation Failed")
	}
	var out []any
	for _, c := range r.repo.comments {
		if c.Pull == p.Number && !c.Deleted && !c.UpdatedAt.Truncate(time.Second).Before(since) {
			out = append(out, s.commentJSON(r.repo, c))
		}
	}
	return s.paged(r, out)
}

// maxBody is the most that is taken as a comment.
const maxBody = 65536

func checkBody(body string) *answer {
	if strings.TrimSpace(body) == "" {
		a := invalid("IssueComment", "body", "missing_field", "Body cannot be blank")
		return &a
	}
	n := 0
	for _, r := range body {
		n += max(utf16.RuneLen(r), 1)
	}
	if n > maxBody {
		a := invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
		return &a
	}
	return nil
}

func (s api) createComment(r *request) answer {
	p := r.repo.pull(r.number("number"))
	if p == nil {
		return notFound()
	}
	if r.repo.Archived {
		return refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	if a := checkBody(r.text("body")); a != nil {
		return *a
	}
	c := addComment(s.Server, r.repo, p, r.login, r.text("body"))
	return answer{status: http.StatusCreated, body: s.commentJSON(r.repo, c)}
}

func (s api) editComment(r *request) answer {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	c := r.repo.comment(id)
	if c == nil {
		return notFound()
	}
	if c.Author != r.login {
		return refuse(http.StatusForbidden, "You cannot edit this comment.")
	}
	if a := checkBody(r.text("body")); a != nil {
		return *a
	}
	setBody(s.Server, c, r.text("body"))
	return ok(s.commentJSON(r.repo, c))
}

// maxStatuses is how many statuses of one context a commit takes.
const maxStatuses = 1000

func (s api) createStatus(r *request) answer {
	sha, state, name := r.PathValue("sha"), r.text("state"), r.text("context")
	if r.repo.Archived {
		return refuse(http.StatusForbidden, "Repository was archived so is read-only.")
	}
	if name == "" {
		name = "default"
	}
	target := r.text("target_url")
	u, err := url.Parse(target)
	switch {
	case r.repo.commits[sha] == nil:
		return refuse(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, state):
		return invalid("Status", "state", "custom", "state is not included in the list")
	case utf8.RuneCountInString(r.text("description")) > 140:
		return invalid("Status", "description", "custom", "description is too long (maximum is 140 characters)")
	case utf8.RuneCountInString(name) > 255:
		return invalid("Status", "context", "custom", "context is too long (maximum is 255 characters)")
	case target != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https"):
		return invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
	case len(r.repo.history(sha, name)) >= maxStatuses:
		return invalid("Status", "", "custom", "This SHA and context has reached the maximum number of statuses.")
	}
	st := Status{SHA: sha, Context: name, State: state, Description: r.text("description"), TargetURL: target, At: s.opts.Now()}
	r.repo.statuses = append(r.repo.statuses, st)
	s.serial++
	return answer{status: http.StatusCreated, body: map[string]any{"id": s.serial, "state": state, "context": name, "description": st.Description,
		"target_url": target, "creator": s.userJSON(r.login), "created_at": stamp(st.At), "updated_at": stamp(st.At)}}
}
