package gitlabtest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/forge/forgetest"
)

// Routes, for [forgetest.Frame.Fail] and [forgetest.Frame.Calls].
const (
	RouteProject     = "project"
	RouteUser        = "user"
	RouteToken       = "token"
	RouteMetadata    = "metadata"
	RouteBranch      = "branch"
	RouteMember      = "member"
	RoutePulls       = "merge requests"
	RoutePull        = "merge request"
	RoutePullCommits = "merge request commits"
	RouteApprovals   = "approvals"
	RouteVersions    = "versions"
	RouteReviewers   = "reviewers"
	RouteCommitPulls = "commit merge requests"
	RouteComments    = "notes"
	RouteComment     = "create note"
	RouteEdit        = "edit note"
	RouteStatuses    = "statuses"
	RouteStatus      = "status"
	RouteGraphQL     = "graphql"
)

func (s api) routes() []forgetest.Route {
	const project = "/projects/{id}"
	return []forgetest.Route{
		{Name: RouteGraphQL, Pattern: "POST /graphql", Prefix: s.opts.Subpath + "/api", Do: s.graphQL},
		{Name: RouteUser, Pattern: "GET /user", Do: func(*request) answer { return answer{Status: 200, Body: s.user(s.opts.Login)} }},
		{Name: RouteToken, Pattern: "GET /personal_access_tokens/self", Do: s.getToken},
		{Name: RouteMetadata, Pattern: "GET /metadata", Do: func(*request) answer {
			return answer{Status: 200, Body: map[string]any{"version": s.opts.Version, "revision": "0a1b2c3d", "enterprise": true}}
		}},
		{Name: RouteProject, Pattern: "GET " + project, Do: s.inProject(s.getProject)},
		{Name: RouteBranch, Pattern: "GET " + project + "/repository/branches/{branch}", Do: s.inProject(s.getBranch)},
		{Name: RouteMember, Pattern: "GET " + project + "/members/all/{user}", Do: s.inProject(s.getMember)},
		{Name: RoutePulls, Pattern: "GET " + project + "/merge_requests", Do: s.inProject(s.listPulls)},
		{Name: RoutePull, Pattern: "GET " + project + "/merge_requests/{number}", Do: s.inPull(s.getPull)},
		{Name: RoutePullCommits, Pattern: "GET " + project + "/merge_requests/{number}/commits", Do: s.inPull(s.listPullCommits)},
		{Name: RouteApprovals, Pattern: "GET " + project + "/merge_requests/{number}/approvals", Do: s.inPull(s.getApprovals)},
		{Name: RouteVersions, Pattern: "GET " + project + "/merge_requests/{number}/versions", Do: s.inPull(s.listVersions)},
		{Name: RouteReviewers, Pattern: "GET " + project + "/merge_requests/{number}/reviewers", Do: s.inPull(s.listReviewers)},
		{Name: RouteCommitPulls, Pattern: "GET " + project + "/repository/commits/{sha}/merge_requests", Do: s.inProject(s.listCommitPulls)},
		{Name: RouteComments, Pattern: "GET " + project + "/merge_requests/{number}/notes", Do: s.inPull(s.listNotes)},
		{Name: RouteComment, Pattern: "POST " + project + "/merge_requests/{number}/notes", Do: s.inPull(s.createNote)},
		{Name: RouteEdit, Pattern: "PUT " + project + "/merge_requests/{number}/notes/{note}", Do: s.inPull(s.editNote)},
		{Name: RouteStatuses, Pattern: "GET " + project + "/repository/commits/{sha}/statuses", Do: s.inProject(s.listStatuses)},
		{Name: RouteStatus, Pattern: "POST " + project + "/statuses/{sha}", Do: s.inProject(s.createStatus)},
	}
}

func (s api) inPull(do func(*request, *project, *Pull) answer) func(*request) answer {
	return s.inProject(func(r *request, p *project) answer {
		m := p.pull(atoi(r.PathValue("number")))
		if m == nil {
			return say(http.StatusNotFound, "404 Not found")
		}
		return do(r, p, m)
	})
}

func (s api) getToken(*request) answer {
	body := map[string]any{"id": 31, "name": "sallyport", "revoked": s.revoked, "active": !s.revoked, "scopes": s.opts.Scopes, "user_id": ownerID, "expires_at": nil}
	if s.opts.Expires != "" {
		body["expires_at"] = s.opts.Expires
	}
	return answer{Status: http.StatusOK, Body: body}
}

func (s api) getProject(_ *request, p *project) answer {
	visibility := "public"
	if p.Private {
		visibility = "private"
	}
	return answer{Status: http.StatusOK, Body: map[string]any{
		"id": p.ID, "path_with_namespace": p.Name, "archived": p.Archived, "visibility": visibility, "default_branch": p.DefaultBranch,
		"web_url": s.URL() + "/" + p.Name, "permissions": map[string]any{"project_access": nil, "group_access": nil},
	}}
}

func (s api) getBranch(r *request, p *project) answer {
	name := r.PathValue("branch")
	level, protected := p.Protected[name]
	return answer{Status: http.StatusOK, Body: map[string]any{"name": name, "protected": protected, "can_push": !protected || levelOf(s.Server, p, ownerID) >= level}}
}

func (s api) getMember(r *request, p *project) answer {
	id, _ := strconv.ParseInt(r.PathValue("user"), 10, 64)
	level := levelOf(s.Server, p, id)
	if level == 0 {
		return say(http.StatusNotFound, "404 Not found")
	}
	for _, u := range s.users {
		if u.ID == id {
			body := s.user(u.Login).(map[string]any)
			body["access_level"], body["membership_state"] = level, "active"
			return answer{Status: http.StatusOK, Body: body}
		}
	}
	return say(http.StatusNotFound, "404 Not found")
}

func (m *Pull) state() string {
	switch {
	case m.Open:
		return "opened"
	case !m.MergedAt.IsZero():
		return "merged"
	}
	return "closed"
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// one is a merge request as lists have it.
func (s api) one(p *project, m *Pull) map[string]any {
	head := m.Head
	if m.shown != nil {
		head = *m.shown
	}
	var source any
	if projectOf(s.Server, m.From) != nil {
		source = m.From
	}
	body := map[string]any{
		"id": p.ID*1000 + int64(m.Number), "iid": m.Number, "project_id": p.ID, "title": m.Title, "state": m.state(), "draft": m.Draft,
		"created_at": stamp(m.CreatedAt), "updated_at": stamp(m.UpdatedAt), "merged_at": stamp(m.MergedAt), "author": s.user(m.Author),
		"source_branch": m.HeadRef, "target_branch": m.BaseRef, "source_project_id": source, "target_project_id": p.ID, "sha": orNull(head),
		"merge_commit_sha": orNull(m.MergeCommit), "squash_commit_sha": orNull(m.Squash), "merge_user": nil,
		"web_url": s.URL() + "/" + p.Name + "/-/merge_requests/" + strconv.Itoa(m.Number),
	}
	if m.MergedBy != "" {
		body["merge_user"] = s.user(m.MergedBy)
	}
	return body
}

func (s api) getPull(_ *request, p *project, m *Pull) answer {
	body := s.one(p, m)
	body["diff_refs"] = map[string]any{"base_sha": m.Base, "head_sha": body["sha"], "start_sha": m.Base}
	body["head_pipeline"] = nil
	for i := len(p.pipelines) - 1; i >= 0; i-- {
		line := p.pipelines[i]
		if line.sha == body["sha"] && (line.ref == m.HeadRef || line.ref == "refs/merge-requests/"+strconv.Itoa(m.Number)+"/head") {
			body["head_pipeline"] = map[string]any{"id": line.id, "project_id": p.ID, "sha": line.sha, "ref": line.ref, "source": line.source}
			break
		}
	}
	return answer{Status: http.StatusOK, Body: body}
}

func (s api) listPulls(r *request, p *project) answer {
	q := r.URL.Query()
	after, _ := time.Parse(time.RFC3339, q.Get("updated_after"))
	list := []*Pull{}
	for _, m := range p.pulls {
		if state := q.Get("state"); state != "" && state != "all" && state != m.state() || m.UpdatedAt.Before(after) {
			continue
		}
		list = append(list, m)
	}
	slices.SortStableFunc(list, func(a, b *Pull) int {
		if q.Get("order_by") == "updated_at" {
			return b.UpdatedAt.Compare(a.UpdatedAt)
		}
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), b.Number-a.Number)
	})
	if q.Get("sort") == "asc" {
		slices.Reverse(list)
	}
	var out []any
	for _, m := range list {
		out = append(out, s.one(p, m))
	}
	return s.paged(r, out)
}

func (s api) listPullCommits(r *request, p *project, m *Pull) answer {
	var list []any
	for i := len(m.Commits) - 1; i >= 0; i-- {
		c := p.commits[m.Commits[i]]
		list = append(list, map[string]any{"id": c.SHA, "author_email": c.AuthorEmail, "author_name": c.AuthorEmail,
			"committer_email": c.CommitterEmail, "committer_name": c.CommitterEmail})
	}
	return s.paged(r, list)
}

func (s api) getApprovals(_ *request, _ *project, m *Pull) answer {
	var list []any
	for _, login := range byTime(m.approvals) {
		one := map[string]any{"user": s.user(login)}
		if !s.opts.NoApprovalTimes {
			one["approved_at"] = stamp(m.approvals[login])
		}
		list = append(list, one)
	}
	return answer{Status: http.StatusOK, Body: map[string]any{"user_has_approved": false, "user_can_approve": true, "approved": len(list) > 0,
		"approved_by": append([]any{}, list...)}}
}

func byTime(m map[string]time.Time) []string {
	var out []string
	for login := range m {
		out = append(out, login)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(m[a].Compare(m[b]), strings.Compare(a, b)) })
	return out
}

// listVersions are the versions of a diff, newest first.
func (s api) listVersions(r *request, p *project, m *Pull) answer {
	var list []any
	for i := len(m.versions) - 1; i >= 0; i-- {
		v := m.versions[i]
		list = append(list, map[string]any{"id": v.ID, "head_commit_sha": v.Head, "base_commit_sha": m.Base, "start_commit_sha": m.Base,
			"created_at": stamp(v.At), "merge_request_id": p.ID*1000 + int64(m.Number), "state": "collected", "real_size": "1"})
	}
	return s.paged(r, list)
}

func (s api) listReviewers(r *request, _ *project, m *Pull) answer {
	var list []any
	for login := range m.refused {
		list = append(list, map[string]any{"user": s.user(login), "state": "requested_changes", "created_at": stamp(m.CreatedAt)})
	}
	for login := range m.approvals {
		if !m.refused[login] {
			list = append(list, map[string]any{"user": s.user(login), "state": "approved", "created_at": stamp(m.CreatedAt)})
		}
	}
	return s.paged(r, list)
}

// listCommitPulls are the merge requests whose newest diff has a commit, or that came onto a branch as it.
func (s api) listCommitPulls(r *request, p *project) answer {
	sha := r.PathValue("sha")
	if p.commits[sha] == nil {
		return notFound("Commit")
	}
	var list []any
	for _, m := range p.pulls {
		if slices.Contains(m.Commits, sha) || m.MergeCommit == sha || m.Squash == sha || slices.Contains(m.Landed, sha) {
			list = append(list, s.one(p, m))
		}
	}
	return s.paged(r, list)
}

// graphQL answers the one query that is asked: for the authors of a merge request's commits, whom GitLab finds by their confirmed e-mails.
func (s api) graphQL(r *request) answer {
	vars, _ := r.Fields["variables"].(map[string]any)
	path, _ := vars["project"].(string)
	iid, _ := vars["iid"].(string)
	p := s.projects[strings.ToLower(path)]
	if s.opts.NoCommitAuthors || p == nil || p.pull(atoi(iid)) == nil {
		return answer{Status: http.StatusOK, Body: map[string]any{"data": map[string]any{"project": nil}}}
	}
	list := p.pull(atoi(iid)).Commits
	from := 0
	if after, ok := vars["after"].(string); ok {
		from = atoi(after)
	}
	to := min(from+s.opts.PageLimit, len(list))
	var nodes []any
	for _, sha := range list[from:to] {
		var author any
		for _, u := range s.users {
			if slices.Contains(u.Emails, p.commits[sha].AuthorEmail) {
				author = map[string]any{"id": "gid://gitlab/User/" + strconv.FormatInt(u.ID, 10), "username": u.Login}
			}
		}
		nodes = append(nodes, map[string]any{"sha": sha, "author": author})
	}
	return answer{Status: http.StatusOK, Body: map[string]any{"data": map[string]any{"project": map[string]any{"mergeRequest": map[string]any{
		"commits": map[string]any{"nodes": nodes, "pageInfo": map[string]any{"hasNextPage": to < len(list), "endCursor": strconv.Itoa(to)}}}}}}}
}
