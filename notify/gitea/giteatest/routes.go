package giteatest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/notify/forge/forgetest"
)

// Routes, for [forgetest.Frame.Fail] and [forgetest.Frame.Calls].
const (
	RouteVersion      = "version"
	RouteUser         = "user"
	RouteRepository   = "repository"
	RouteTouched      = "touched pulls"
	RoutePulls        = "pulls"
	RoutePull         = "pull"
	RoutePullCommits  = "pull commits"
	RouteReviews      = "reviews"
	RouteTimeline     = "timeline"
	RouteCommit       = "commit"
	RouteHistory      = "history"
	RouteCommitPull   = "commit pull"
	RouteComments     = "comments"
	RouteComment      = "create comment"
	RouteEdit         = "edit comment"
	RoutePermission   = "permission"
	RouteCollaborator = "collaborator"
	RouteTeams        = "teams"
	RouteTeam         = "team"
	RouteTeamMember   = "team member"
	RouteStatus       = "status"
)

func (s api) routes() []forgetest.Route {
	const repo = "/repos/{owner}/{repo}"
	routes := []forgetest.Route{
		{Name: RouteVersion, Pattern: "GET /version", Do: func(*request) answer { return ok(map[string]any{"version": s.opts.Version}) }},
		{Name: RouteUser, Pattern: "GET /user", Do: s.scoped("user", s.getSelf)},
		{Name: RouteTeam, Pattern: "GET /teams/{team}", Do: s.scoped("organization", s.inTeam(func(t *Team, _ string) answer { return ok(teamJSON(t)) }))},
		{Name: RouteTeamMember, Pattern: "GET /teams/{team}/members/{login}", Do: s.scoped("organization", s.inTeam(s.getMember))},
	}
	for _, r := range []struct {
		name, pattern, category string
		do                      func(*request, *repository) answer
	}{
		{RouteRepository, "GET " + repo, "repository", s.getRepository},
		{RoutePulls, "GET " + repo + "/pulls", "repository", s.listPulls},
		{RoutePull, "GET " + repo + "/pulls/{number}", "repository", s.inPull(s.getPull)},
		{RoutePullCommits, "GET " + repo + "/pulls/{number}/commits", "repository", s.inPull(s.listPullCommits)},
		{RouteReviews, "GET " + repo + "/pulls/{number}/reviews", "repository", s.inPull(s.listReviews)},
		{RouteCommit, "GET " + repo + "/git/commits/{sha}", "repository", s.getCommit},
		{RouteHistory, "GET " + repo + "/commits", "repository", s.listHistory},
		{RouteCommitPull, "GET " + repo + "/commits/{sha}/pull", "repository", s.getCommitPull},
		{RoutePermission, "GET " + repo + "/collaborators/{login}/permission", "repository", s.getPermission},
		{RouteCollaborator, "GET " + repo + "/collaborators/{login}", "repository", s.getCollaborator},
		{RouteTeams, "GET " + repo + "/teams", "repository", s.listTeams},
		{RouteStatus, "POST " + repo + "/statuses/{sha}", "repository", s.createStatus},
		{RouteTouched, "GET " + repo + "/issues", "issue", s.listTouched},
		{RouteTimeline, "GET " + repo + "/issues/{number}/timeline", "issue", s.inIssue(s.listTimeline)},
		{RouteComments, "GET " + repo + "/issues/{number}/comments", "issue", s.inIssue(s.listComments)},
		{RouteComment, "POST " + repo + "/issues/{number}/comments", "issue", s.inIssue(s.createComment)},
		{RouteEdit, "PATCH " + repo + "/issues/comments/{id}", "issue", s.editComment},
	} {
		routes = append(routes, forgetest.Route{Name: r.name, Pattern: r.pattern, Do: s.scoped(r.category, s.inRepo(r.do))})
	}
	return routes
}

func (s api) inPull(do func(*request, *repository, *Pull) answer) func(*request, *repository) answer {
	return func(r *request, p *repository) answer {
		if m := p.pull(atoi(r.PathValue("number"))); m != nil {
			return do(r, p, m)
		}
		return notFound()
	}
}

// inIssue is what the routes of issues say of a number that is not there.
func (s api) inIssue(do func(*request, *repository, *Pull) answer) func(*request, *repository) answer {
	return func(r *request, p *repository) answer {
		if m := p.pull(atoi(r.PathValue("number"))); m != nil {
			return do(r, p, m)
		}
		return broken()
	}
}

func (s api) userJSON(login string) any {
	u := s.users[strings.ToLower(login)]
	if u == nil {
		return map[string]any{"id": -1, "login": "Ghost", "username": "Ghost"}
	}
	return map[string]any{"id": u.ID, "login": u.Login, "username": u.Login, "full_name": "", "html_url": s.URL() + "/" + u.Login}
}

// accountJSON is who a commit's e-mail belongs to.
func (s api) accountJSON(login string) any {
	if login == "" || s.users[strings.ToLower(login)] == nil {
		return nil
	}
	return s.userJSON(login)
}

func (s api) getSelf(*request) answer { return ok(s.userJSON(s.opts.Login)) }

func (s api) repoJSON(r *repository) any {
	owner, name, _ := strings.Cut(r.Name, "/")
	level := rank(s.can(r, s.opts.Login))
	return map[string]any{"id": r.ID, "name": name, "full_name": r.Name, "private": r.Private, "archived": r.Archived, "default_branch": "main",
		"owner":       map[string]any{"id": 5000 + r.ID, "login": owner},
		"permissions": map[string]any{"admin": level >= rank("admin"), "push": level >= rank("write"), "pull": level >= rank("read")}}
}

func (s api) getRepository(_ *request, r *repository) answer { return ok(s.repoJSON(r)) }

func (s api) getPermission(r *request, p *repository) answer {
	login := r.PathValue("login")
	if !strings.EqualFold(login, s.opts.Login) && rank(s.level(p, s.opts.Login)) < rank("admin") {
		return say(http.StatusForbidden, "Only admins can query all permissions, repo admins can query all repo permissions, collaborators can query only their own")
	}
	if s.users[strings.ToLower(login)] == nil {
		return say(http.StatusNotFound, fmt.Sprintf("user does not exist [uid: 0, name: %s]", login))
	}
	level := s.level(p, login)
	return ok(map[string]any{"permission": level, "role_name": level, "user": s.userJSON(login)})
}

func (s api) getCollaborator(r *request, p *repository) answer {
	login := strings.ToLower(r.PathValue("login"))
	if s.users[login] == nil {
		return say(http.StatusUnprocessableEntity, fmt.Sprintf("user does not exist [uid: 0, name: %s]", login))
	}
	if p.Access[login] == "" {
		return notFound()
	}
	return answer{Status: http.StatusNoContent}
}

func teamJSON(t *Team) any {
	permission := t.Permission
	if permission == "" {
		permission = "none"
	}
	units := []string{}
	for name := range t.Units {
		units = append(units, name)
	}
	return map[string]any{"id": t.ID, "name": t.Name, "permission": permission, "units": units, "units_map": t.Units}
}

func (s api) listTeams(_ *request, p *repository) answer {
	if !p.Organization {
		return say(http.StatusMethodNotAllowed, "repo is not owned by an organization")
	}
	out := []any{}
	for _, t := range p.Teams {
		out = append(out, teamJSON(&t))
	}
	return ok(out)
}

// inTeam finds a team; to who may not look into it, it is not there.
func (s api) inTeam(do func(*Team, string) answer) func(*request) answer {
	return func(r *request) answer {
		for _, repo := range s.repos {
			for i, t := range repo.Teams {
				if strconv.FormatInt(t.ID, 10) == r.PathValue("team") && !t.Hidden {
					return do(&repo.Teams[i], r.PathValue("login"))
				}
			}
		}
		return notFound()
	}
}

func (s api) getMember(t *Team, login string) answer {
	if !t.has(login) || s.users[strings.ToLower(login)] == nil {
		return notFound()
	}
	return ok(s.userJSON(login))
}

var fullHash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// createStatus takes whatever it is given, but for a commit that it does not know, of which it says nothing.
func (s api) createStatus(r *request, p *repository) answer {
	if rank(s.can(p, s.opts.Login)) < rank("write") {
		return say(http.StatusForbidden, "user should have a permission to write to a repo")
	}
	sha := r.PathValue("sha")
	if !fullHash.MatchString(sha) || p.commits[sha] == nil {
		return broken()
	}
	field := func(key string) string { text, _ := r.Fields[key].(string); return text }
	st := Status{SHA: sha, Context: field("context"), State: field("state"), Description: field("description"), TargetURL: field("target_url"), At: s.now()}
	p.statuses = append(p.statuses, st)
	return answer{Status: http.StatusCreated, Body: map[string]any{"id": s.nextID(), "status": st.State, "context": st.Context,
		"description": st.Description, "target_url": st.TargetURL, "creator": s.userJSON(s.opts.Login), "created_at": stamp(st.At), "updated_at": stamp(st.At)}}
}

// pullJSON is a pull request as Gitea shows it. Its head is where the branch is now.
func (s api) pullJSON(r *repository, p *Pull) map[string]any {
	state := "open"
	if !p.Open {
		state = "closed"
	}
	head := map[string]any{"label": p.HeadRef, "ref": p.HeadRef, "sha": p.Head, "repo_id": p.From, "repo": nil}
	for _, from := range s.repos {
		if from.ID == p.From && from.MovedTo == "" {
			head["repo"] = s.repoJSON(from)
		}
	}
	if head["repo"] == nil {
		head["ref"], head["repo_id"], head["sha"] = fmt.Sprintf("refs/pull/%d/head", p.Number), -1, p.kept
	}
	out := map[string]any{
		"id": 100000 + p.Number, "number": p.Number, "state": state, "title": p.Title, "body": p.Body, "draft": strings.HasPrefix(p.Title, "WIP:"),
		"user": s.userJSON(p.Author), "url": fmt.Sprintf("%s/%s/pulls/%d", s.URL(), r.Name, p.Number),
		"html_url":   fmt.Sprintf("%s/%s/pulls/%d", s.URL(), r.Name, p.Number),
		"created_at": stamp(p.CreatedAt), "updated_at": stamp(p.UpdatedAt), "merged": !p.MergedAt.IsZero(), "merged_at": stamp(p.MergedAt),
		"merge_commit_sha": nil, "merged_by": nil, "mergeable": p.Open, "head": head, "merge_base": p.Base,
		"base": map[string]any{"label": p.BaseRef, "ref": p.BaseRef, "sha": p.Base, "repo_id": r.ID, "repo": s.repoJSON(r)},
	}
	if !p.MergedAt.IsZero() {
		out["merge_commit_sha"], out["merged_by"] = p.MergeCommit, s.userJSON(p.MergedBy)
	}
	return out
}

func (s api) getPull(_ *request, r *repository, p *Pull) answer { return ok(s.pullJSON(r, p)) }

func (s api) listPulls(r *request, repo *repository) answer {
	q := r.URL.Query()
	var list []*Pull
	for _, p := range repo.pulls {
		if state := q.Get("state"); state == "all" || (state == "open" || state == "") == p.Open {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b *Pull) int {
		if q.Get("sort") == "recentupdate" {
			return b.UpdatedAt.Compare(a.UpdatedAt)
		}
		return b.Number - a.Number
	})
	out := []any{}
	for _, p := range list {
		out = append(out, s.pullJSON(repo, p))
	}
	return s.paged(r, out)
}

// listTouched are pull requests as issues, by when they were touched.
func (s api) listTouched(r *request, repo *repository) answer {
	q := r.URL.Query()
	since, err := time.Parse(time.RFC3339, q.Get("since"))
	if err != nil && q.Get("since") != "" {
		return say(http.StatusUnprocessableEntity, "parsing time")
	}
	out := []any{}
	for _, p := range repo.pulls {
		if q.Get("type") == "pulls" && (q.Get("state") == "all" || p.Open) && !p.UpdatedAt.Before(since) {
			out = append(out, map[string]any{"id": 100000 + p.Number, "number": p.Number, "title": p.Title, "updated_at": stamp(p.UpdatedAt),
				"user": s.userJSON(p.Author), "state": "open", "repository": map[string]any{"id": repo.ID, "full_name": repo.Name}, "pull_request": map[string]any{}})
		}
	}
	return s.paged(r, out)
}
