package agent_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/notify/forge/forgetest"
	"sallyport/notify/gitea/giteatest"
	"sallyport/notify/github/githubtest"
	"sallyport/notify/gitlab/gitlabtest"
)

// siteClock is a clock of whole seconds, as the times of a site are, on which each thing happens in one of its own.
func siteClock() func() time.Time {
	begin, ticks := time.Now().Truncate(time.Second), atomic.Int64{}
	return func() time.Time { return begin.Add(time.Duration(ticks.Add(1)) * time.Second) }
}

func atGitHub(t *testing.T) hub {
	t.Helper()
	s, err := githubtest.New(githubtest.Options{
		Now: siteClock(), Token: "ghp_canary0canary0canary0canary0canary00",
		Users: []githubtest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Repositories: []githubtest.Repository{
			{ID: 42, Name: infra, Private: true, Access: map[string]string{"jane": "write", "joe": "write", bot: "write"}},
			{ID: 43, Name: "mallory/infra", ForkOf: infra},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	fails := func(route string, n int, f githubtest.Fault) func() { return func() { s.Fail(route, n, f) } }
	return hub{
		block: block{kind: "github", url: s.URL(), of: "repository", token: s.Token(), plans: "pull_requests"},
		site:  s, ref: "refs/pull/%d/head", noun: "pull request", sign: "#",
		user: func(id int64, login string) { s.AddUser(githubtest.User{ID: id, Login: login}) },
		access: func(login string, write bool) {
			s.SetAccess(infra, login, map[bool]string{true: "write", false: "read"}[write])
		},
		deletes: func() { s.DeleteRepository("mallory/infra") },
		knows: func(c authored) {
			author, committer := c.emails()
			s.AddCommit(infra, githubtest.Commit{SHA: c.sha, Author: c.author, Committer: c.committer, AuthorEmail: author, CommitterEmail: committer})
		},
		open: func(p proposal) int {
			return s.OpenPull(infra, githubtest.Pull{Author: p.author, Title: p.title, Head: p.head, From: source(p), Commits: p.commits})
		},
		push:   func(n int, head string) { s.Push(infra, n, head) },
		review: func(n int, login string) { s.Review(infra, n, login, "APPROVED") },
		merge:  func(n int, login, sha string) { s.Merge(infra, n, login, sha) },
		lands: func(n int, login string, hashes []string) {
			s.Merge(infra, n, login, hashes[len(hashes)-1])
			s.ChangePull(infra, n, func(p *githubtest.Pull) { p.Rebased = hashes })
		},
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) },
		edit:    func(id int64, body string) { s.EditComment(infra, id, body) },
		comments: func(n int) (list []note) {
			for _, c := range s.Comments(infra, n) {
				list = append(list, note{c.Author, c.Body, len(c.Versions)})
			}
			return list
		},
		statuses: func(sha, context string) (list []mark) {
			for _, st := range s.Statuses(infra, sha, context) {
				list = append(list, mark{st.State, st.Description, st.TargetURL})
			}
			return list
		},
		lost: []func(){
			fails(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.LoseAnswer}),
			fails(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.LateServerError}),
			fails(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Secondary, RetryAfter: 1}),
			fails(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Refuse, Status: http.StatusUnprocessableEntity, Words: "No commit found for SHA"}),
			fails(githubtest.RouteStatus, 1, githubtest.Fault{Kind: githubtest.Refuse, Status: http.StatusNotFound, Words: "Not Found"}),
		},
		checks: githubtest.RoutePermission, before: func(route string, do func()) { s.Before(route, unasked[githubtest.Call](do)) },
	}
}

// source is the repository that the head of a change is in.
func source(p proposal) int64 {
	if p.fork {
		return 43
	}
	return 0
}

// unasked calls what wants to know nothing of a request.
func unasked[C any](do func()) func(C) {
	if do == nil {
		return nil
	}
	return func(C) { do() }
}

func atGitLab(t *testing.T) hub {
	t.Helper()
	s, err := gitlabtest.New(gitlabtest.Options{
		Now: siteClock(), Subpath: "/gitlab", Token: "glpat-canary0canary0canary",
		Users: []gitlabtest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Projects: []gitlabtest.Project{
			{ID: 42, Name: infra, Private: true, Access: map[string]int{"jane": gitlabtest.Developer, "joe": gitlabtest.Maintainer, bot: gitlabtest.Developer}},
			{ID: 43, Name: "mallory/infra"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	fails := func(n int, f forgetest.Fault) func() { return func() { s.Fail(gitlabtest.RouteStatus, n, f) } }
	return hub{
		block: block{kind: "gitlab", url: s.URL(), of: "project", token: s.Token(), plans: "merge_requests"},
		site:  s, ref: "refs/merge-requests/%d/head", noun: "merge request", sign: "!", blind: true, train: true, once: true, strict: true,
		user: func(id int64, login string) { s.AddUser(gitlabtest.User{ID: id, Login: login}) },
		access: func(login string, write bool) {
			s.SetAccess(infra, login, map[bool]int{true: gitlabtest.Developer, false: gitlabtest.Reporter}[write])
		},
		deletes: func() { s.DeleteProject("mallory/infra") },
		knows: func(c authored) {
			author, committer := c.emails()
			s.AddCommit(infra, gitlabtest.Commit{SHA: c.sha, AuthorEmail: author, CommitterEmail: committer, Branches: []string{"main"}})
		},
		open: func(p proposal) int {
			return s.OpenPull(infra, gitlabtest.Pull{Author: p.author, Title: p.title, Head: p.head, From: source(p), Commits: p.commits})
		},
		push:   func(n int, head string) { s.Push(infra, n, head) },
		review: func(n int, login string) { s.Review(infra, n, login, "APPROVED") },
		merge: func(n int, login, sha string) {
			s.MergeAs(infra, n, login, func(m *gitlabtest.Pull) {
				if m.Head != sha { // a fast-forward makes no commit
					m.MergeCommit = sha
				}
			})
		},
		lands: func(n int, login string, hashes []string) {
			s.MergeAs(infra, n, login, func(m *gitlabtest.Pull) {
				if m.Landed = hashes; len(hashes) == 1 {
					m.Squash, m.Landed = hashes[0], nil
				}
			})
		},
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) },
		edit:    func(id int64, body string) { s.EditComment(infra, id, body) },
		comments: func(n int) (list []note) {
			for _, c := range s.Comments(infra, n) {
				if !c.System {
					list = append(list, note{c.Author, c.Body, len(c.Versions)})
				}
			}
			return list
		},
		statuses: func(sha, context string) (list []mark) {
			words := map[string]string{"pending": "pending", "running": "pending", "success": "success", "failed": "failure", "canceled": "canceled"}
			for _, st := range s.Statuses(infra, sha, context) {
				list = append(list, mark{words[st.State], st.Description, st.TargetURL})
			}
			return list
		},
		lost: []func(){
			fails(1, forgetest.Fault{Kind: forgetest.LoseAnswer}),
			fails(1, forgetest.Fault{Kind: forgetest.LateServerError}),
			fails(1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 1}),
			fails(1, forgetest.Fault{Kind: forgetest.Refuse, Answer: worded(http.StatusNotFound, "404 Commit Not Found")}),
			fails(1, forgetest.Fault{Kind: forgetest.Refuse, Answer: worded(http.StatusConflict, "another update of the status is at work")}),
			fails(1, forgetest.Fault{Kind: forgetest.Refuse, Answer: worded(http.StatusForbidden, "403 Forbidden")}),
		},
		checks: gitlabtest.RouteMember, before: func(route string, do func()) { s.Before(route, unasked[forgetest.Call](do)) },
	}
}

func worded(status int, message string) forgetest.Answer {
	return forgetest.Answer{Status: status, Body: map[string]any{"message": message}}
}

func atGitea(t *testing.T) hub {
	t.Helper()
	s, err := giteatest.New(giteatest.Options{
		Now: siteClock(), Token: "canary0canary0canary0canary0canary0canary",
		Users: []giteatest.User{{ID: 7, Login: "jane"}, {ID: 8, Login: "joe"}, {ID: 66, Login: "mallory"}},
		Repositories: []giteatest.Repository{
			{ID: 42, Name: infra, Private: true, Access: map[string]string{"jane": "write", "joe": "write", bot: "admin"}},
			{ID: 43, Name: "mallory/infra"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	fails := func(n int, f forgetest.Fault) func() { return func() { s.Fail(giteatest.RouteStatus, n, f) } }
	return hub{
		block: block{kind: "gitea", url: s.URL(), of: "repository", token: s.Token(), plans: "pull_requests"},
		site:  s, ref: "refs/pull/%d/head", noun: "pull request", sign: "#", strict: true,
		user: func(id int64, login string) { s.AddUser(giteatest.User{ID: id, Login: login}) },
		access: func(login string, write bool) {
			s.SetAccess(infra, login, map[bool]string{true: "write", false: "read"}[write])
		},
		deletes: func() { s.DeleteRepository("mallory/infra") },
		knows: func(c authored) {
			author, committer := c.emails()
			s.AddCommit(infra, giteatest.Commit{SHA: c.sha, Author: c.author, Committer: c.committer, AuthorEmail: author, CommitterEmail: committer})
		},
		open: func(p proposal) int {
			return s.OpenPull(infra, giteatest.Pull{Author: p.author, Title: p.title, Head: p.head, From: source(p), Commits: p.commits})
		},
		push:   func(n int, head string) { s.Push(infra, n, head) },
		review: func(n int, login string) { s.Review(infra, n, login, "APPROVED") },
		merge:  func(n int, login, sha string) { s.Merge(infra, n, login, sha) },
		lands: func(n int, login string, hashes []string) {
			if len(hashes) > 1 {
				s.Rebase(infra, n, login, hashes...)
				return
			}
			s.Merge(infra, n, login, hashes[0])
		},
		comment: func(n int, login, body string) int64 { return s.Comment(infra, n, login, body) },
		edit:    func(id int64, body string) { s.EditComment(infra, id, body) },
		comments: func(n int) (list []note) {
			for _, c := range s.Comments(infra, n) {
				list = append(list, note{c.Author, c.Body, len(c.Versions)})
			}
			return list
		},
		statuses: func(sha, context string) (list []mark) {
			for _, st := range s.Statuses(infra, sha, context) {
				list = append(list, mark{st.State, st.Description, st.TargetURL})
			}
			return list
		},
		lost: []func(){
			fails(1, forgetest.Fault{Kind: forgetest.LoseAnswer}),
			fails(1, forgetest.Fault{Kind: forgetest.LateServerError}),
			fails(1, forgetest.Fault{Kind: forgetest.TooMany, RetryAfter: 1}),
			fails(1, forgetest.Fault{Kind: forgetest.Refuse, Answer: worded(http.StatusInternalServerError, "")}), // of a commit that it does not know yet
			fails(1, forgetest.Fault{Kind: forgetest.Refuse, Answer: worded(http.StatusNotFound, "not found")}),
		},
		checks: giteatest.RoutePermission, before: func(route string, do func()) { s.Before(route, unasked[forgetest.Call](do)) },
	}
}
