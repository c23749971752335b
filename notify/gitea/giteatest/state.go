package giteatest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is an account.
type User struct {
	ID    int64
	Login string
	Admin bool // of the whole site
}

// Team is a team of an organization with its rights in a repository.
type Team struct {
	ID         int64
	Name       string
	Permission string            // "admin" or "owner" for everything; else Units count, though this is what is said of members
	Units      map[string]string // levels: {"repo.code": "write"}
	Members    []string          // logins
	Hidden     bool              // the token's account may not look into it
}

// Repository is a repository. Somebody without Access can read it if it is public.
type Repository struct {
	ID           int64
	Name         string // owner/name
	Organization bool   // its owner is one: teams count
	Private      bool
	Archived     bool
	Access       map[string]string // of collaborators, by login: admin, write, read. The owner of a personal one has all
	Teams        []Team
	MovedTo      string // owner/name, if it was renamed or transferred
}

// Commit is a commit that the server knows. Those of pull requests are made when they are opened or pushed to.
type Commit struct {
	SHA                         string
	Author, Committer           string // logins; empty: the e-mail belongs to no account
	AuthorEmail, CommitterEmail string
	Message                     string
	Authored, Committed         time.Time
	Parents                     []string
}

// Pull is a pull request.
type Pull struct {
	Number      int
	Title, Body string // one that begins with WIP: is a draft
	Author      string // login
	Head        string // full hash: what the branch points to, after the merge too
	HeadRef     string // default a branch of its own
	From        int64  // the repository of the head; 0: the repository itself; -1: a fork that was deleted
	Base        string
	BaseRef     string   // default main
	Commits     []string // hashes, oldest first; default the head alone

	// What happened to it; set by the server.
	Open        bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	MergedAt    time.Time
	MergedBy    string
	MergeCommit string

	kept    string // what refs/pull/N/head points to
	pushes  []push
	reviews []*Review
}

type push struct {
	by      string
	commits []string
	forced  bool
	late    bool // not told yet
	at      time.Time
}

// Review is a review of a pull request.
type Review struct {
	ID        int64
	Author    string
	State     string // APPROVED, REQUEST_CHANGES, COMMENT, PENDING, REQUEST_REVIEW
	Commit    string
	Stale     bool
	Official  bool
	Dismissed bool
	At        time.Time
}

// Comment is a comment of a pull request.
type Comment struct {
	ID        int64
	Pull      int
	Author    string
	Body      string
	CreatedAt time.Time
	UpdatedAt time.Time
	Deleted   bool
	Versions  []string // every body that it had, oldest first
}

// Status is a commit status.
type Status struct {
	SHA, Context, State, Description, TargetURL string
	At                                          time.Time
}

type repository struct {
	Repository
	pulls    []*Pull
	comments []*Comment
	commits  map[string]*Commit
	statuses []Status
}

func newRepository(r Repository) *repository {
	access := map[string]string{}
	for login, level := range r.Access {
		access[strings.ToLower(login)] = level
	}
	r.Access = access
	return &repository{Repository: r, commits: map[string]*Commit{}}
}

func (r *repository) pull(number int) *Pull {
	for _, p := range r.pulls {
		if p.Number == number {
			return p
		}
	}
	return nil
}

func (r *repository) comment(id int64) *Comment {
	for _, c := range r.comments {
		if c.ID == id && !c.Deleted {
			return c
		}
	}
	return nil
}

// know lets the server know a commit, on top of another one.
func (s *Server) know(r *repository, sha, login, parent string) {
	if r.commits[sha] != nil {
		return
	}
	c := &Commit{SHA: sha, Author: login, Committer: login, AuthorEmail: login + "@example.com", CommitterEmail: login + "@example.com",
		Message: "commit " + sha[:7], Authored: s.now(), Committed: s.now()}
	if parent != "" {
		c.Parents = []string{parent}
	}
	r.commits[sha] = c
}

// level is the one word that the permission endpoint has for somebody: of the rights that teams have by unit it knows nothing.
func (s *Server) level(r *repository, login string) string {
	u := s.users[strings.ToLower(login)]
	owner, _, _ := strings.Cut(r.Name, "/")
	if u != nil && (u.Admin || !r.Organization && strings.EqualFold(owner, login)) {
		return "owner"
	}
	for _, t := range r.Teams {
		if (t.Permission == "admin" || t.Permission == "owner") && t.has(login) {
			return "owner"
		}
	}
	level := r.Access[strings.ToLower(login)]
	for _, t := range r.Teams {
		if t.has(login) && rank(t.Permission) > rank(level) {
			level = t.Permission
		}
	}
	switch {
	case level != "":
		return level
	case r.Private:
		return "none"
	}
	return "read"
}

func (t Team) has(login string) bool {
	return slices.ContainsFunc(t.Members, func(m string) bool { return strings.EqualFold(m, login) })
}

// can is what somebody may really do with the code.
func (s *Server) can(r *repository, login string) string {
	level := s.level(r, login)
	if level == "write" && r.Organization && r.Access[strings.ToLower(login)] == "" {
		level = "read"
	}
	for _, t := range r.Teams {
		if t.has(login) && rank(t.Units["repo.code"]) > rank(level) {
			level = t.Units["repo.code"]
		}
	}
	return level
}

func rank(level string) int {
	return slices.Index([]string{"", "none", "read", "write", "admin", "owner"}, level)
}

func mustRepo(s *Server, name string) *repository {
	r := s.repos[strings.ToLower(name)]
	if r == nil {
		panic("giteatest: no repository " + name)
	}
	return r
}

func mustPull(s *Server, name string, number int) (*repository, *Pull) {
	r := mustRepo(s, name)
	p := r.pull(number)
	if p == nil {
		panic(fmt.Sprintf("giteatest: no pull request %d in %s", number, name))
	}
	return r, p
}

func mustUser(s *Server, login string) {
	if s.users[strings.ToLower(login)] == nil {
		panic("giteatest: no user " + login)
	}
}
