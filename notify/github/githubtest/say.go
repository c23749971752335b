package githubtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// User is an account.
type User struct {
	ID    int64
	Login string
	Bot   bool
}

// Repository is a repository. Somebody without Access can read it if it is public.
type Repository struct {
	ID       int64
	Name     string // owner/name
	Private  bool
	Archived bool
	ForkOf   string            // owner/name
	Access   map[string]string // by login: admin, maintain, write, triage, read, none
	Moved    int64             // not 0: it was transferred, and every request is redirected to this id
}

// Commit is a commit that the server knows. Those of pull requests are made when they are opened or pushed to.
type Commit struct {
	SHA                         string
	Author, Committer           string // logins; empty: the e-mail belongs to no account
	AuthorEmail, CommitterEmail string
	Message                     string
}

// Pull is a pull request.
type Pull struct {
	Number      int
	Title, Body string
	Author      string // login
	Association string // default MEMBER
	Draft       bool
	Head        string // full hash
	HeadRef     string // default a branch of its own
	From        int64  // the repository of the head; 0: the repository itself
	Base        string
	BaseRef     string   // default main
	Commits     []string // hashes; default the head alone

	// What happened to it; set by the server.
	Open        bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ClosedAt    time.Time
	MergedAt    time.Time
	MergedBy    string
	MergeCommit string
	Rebased     []string // what it came onto the base as, below MergeCommit; set with [Server.ChangePull]

	reviews []*Review
}

// Review is a review of a pull request.
type Review struct {
	ID     int64
	Author string
	State  string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED
	Commit string
	At     time.Time
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

// history are the statuses of a commit and a context, whose case does not matter; an empty context stands for all.
func (r *repository) history(sha, context string) []Status {
	var out []Status
	for _, st := range r.statuses {
		if st.SHA == sha && (context == "" || strings.EqualFold(st.Context, context)) {
			out = append(out, st)
		}
	}
	return out
}

func (s api) repoByID(id int64) *repository {
	for _, r := range s.repos {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func mustRepo(s *Server, name string) *repository {
	r := s.repos[strings.ToLower(name)]
	if r == nil {
		panic("githubtest: no repository " + name)
	}
	return r
}

func mustPull(s *Server, name string, number int) (*repository, *Pull) {
	r := mustRepo(s, name)
	p := r.pull(number)
	if p == nil {
		panic(fmt.Sprintf("githubtest: no pull request %d in %s", number, name))
	}
	return r, p
}

func mustUser(s *Server, login string) {
	if s.users[strings.ToLower(login)] == nil {
		panic("githubtest: no user " + login)
	}
}

// AddUser adds an account, or replaces the one of that login.
func (s *Server) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[strings.ToLower(u.Login)] = &u
	s.tell()
}

// DeleteUser lets an account go; what it wrote stays, by nobody.
func (s *Server) DeleteUser(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustUser(s, login)
	delete(s.users, strings.ToLower(login))
	s.tell()
}

// AddRepository adds a repository, a fork too.
func (s *Server) AddRepository(r Repository) {
	s.mu.Lock()
	defer s.mu.Unlock()
	access := map[string]string{}
	for login, role := range r.Access {
		access[strings.ToLower(login)] = role
	}
	r.Access = access
	s.repos[strings.ToLower(r.Name)] = &repository{Repository: r, commits: map[string]*Commit{}}
	s.tell()
}

// DeleteRepository deletes a repository: pull requests from it have no head repository any more.
func (s *Server) DeleteRepository(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustRepo(s, name)
	delete(s.repos, strings.ToLower(name))
	s.tell()
}

// ChangeRepository changes what is known of a repository: archives, moves or hides it.
func (s *Server) ChangeRepository(name string, change func(*Repository)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&mustRepo(s, name).Repository)
	s.tell()
}

// SetAccess gives somebody a role in a repository.
func (s *Server) SetAccess(repo, login, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustUser(s, login)
	mustRepo(s, repo).Access[strings.ToLower(login)] = role
	s.tell()
}

// SetGrants changes what the token may do.
func (s *Server) SetGrants(grants map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grants = maps.Clone(grants)
	s.tell()
}

// Revoke makes the token worthless; of an app, every token that was given out so far.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = !s.opts.App
	clear(s.tokens)
	s.tell()
}

// AddCommit lets the server know a commit.
func (s *Server) AddCommit(repo string, c Commit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustRepo(s, repo).commits[c.SHA] = &c
	s.tell()
}

func (r *repository) know(sha, login string) {
	if r.commits[sha] == nil {
		r.commits[sha] = &Commit{SHA: sha, Author: login, Committer: login, AuthorEmail: login + "@example.com", CommitterEmail: login + "@example.com"}
	}
}

// OpenPull opens a pull request and returns its number.
func (s *Server) OpenPull(repo string, p Pull) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := mustRepo(s, repo)
	mustUser(s, p.Author)
	now := s.opts.Now()
	p.Number, p.Open, p.CreatedAt, p.UpdatedAt = len(r.pulls)+1, true, now, now
	if p.Association == "" {
		p.Association = "MEMBER"
	}
	if p.From == 0 {
		p.From = r.ID
	}
	if p.HeadRef == "" {
		p.HeadRef = fmt.Sprintf("topic-%d", p.Number)
	}
	if p.BaseRef == "" {
		p.BaseRef = "main"
	}
	if p.Base == "" {
		p.Base = strings.Repeat("b", 40)
	}
	if len(p.Commits) == 0 {
		p.Commits = []string{p.Head}
	}
	for _, sha := range p.Commits {
		r.know(sha, p.Author)
	}
	r.pulls = append(r.pulls, &p)
	s.tell()
	return p.Number
}

// ChangePull changes a pull request: its title, whether it is a draft, its branch.
func (s *Server) ChangePull(repo string, number int, change func(*Pull)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, p := mustPull(s, repo, number)
	change(p)
	p.UpdatedAt = s.opts.Now()
	r.know(p.Head, p.Author)
	s.tell()
}

// Push gives a pull request a new head, by its author.
func (s *Server) Push(repo string, number int, sha string) {
	s.ChangePull(repo, number, func(p *Pull) {
		p.Head = sha
		p.Commits = append(slices.Clone(p.Commits), sha)
	})
}

// ClosePull closes a pull request without merging it.
func (s *Server) ClosePull(repo string, number int) {
	s.ChangePull(repo, number, func(p *Pull) { p.Open, p.ClosedAt = false, s.opts.Now() })
}

// Merge merges a pull request as a commit.
func (s *Server) Merge(repo string, number int, login, sha string) {
	s.mu.Lock()
	mustUser(s, login)
	mustRepo(s, repo).know(sha, login)
	s.mu.Unlock()
	s.ChangePull(repo, number, func(p *Pull) {
		p.Open, p.ClosedAt, p.MergedAt, p.MergedBy, p.MergeCommit = false, s.opts.Now(), s.opts.Now(), login, sha
	})
}

// Review reviews the head of a pull request and returns the review's id.
func (s *Server) Review(repo string, number int, login, state string) (id int64) {
	s.ChangePull(repo, number, func(p *Pull) {
		mustUser(s, login)
		s.serial++
		id = s.serial
		p.reviews = append(p.reviews, &Review{ID: id, Author: login, State: state, Commit: p.Head, At: s.opts.Now()})
	})
	return id
}

// Dismiss dismisses a review.
func (s *Server) Dismiss(repo string, number int, id int64) {
	s.ChangePull(repo, number, func(p *Pull) {
		i := slices.IndexFunc(p.reviews, func(v *Review) bool { return v.ID == id })
		if i < 0 {
			panic(fmt.Sprintf("githubtest: no review %d", id))
		}
		p.reviews[i].State = "DISMISSED"
	})
}

// Comment comments on a pull request and returns the comment's id.
func (s *Server) Comment(repo string, number int, login, body string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustUser(s, login)
	r, p := mustPull(s, repo, number)
	defer s.tell()
	return addComment(s, r, p, login, body).ID
}

func addComment(s *Server, r *repository, p *Pull, login, body string) *Comment {
	s.serial++
	now := s.opts.Now()
	c := &Comment{ID: s.serial, Pull: p.Number, Author: login, Body: body, CreatedAt: now, UpdatedAt: now, Versions: []string{body}}
	p.UpdatedAt = now
	r.comments = append(r.comments, c)
	return c
}

func setBody(s *Server, c *Comment, body string) {
	c.Body, c.UpdatedAt, c.Versions = body, s.opts.Now(), append(c.Versions, body)
}

// EditComment changes a comment, as its author can.
func (s *Server) EditComment(repo string, id int64, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	setBody(s, mustComment(s, repo, id), body)
	s.tell()
}

// DeleteComment deletes a comment, as people with write access can.
func (s *Server) DeleteComment(repo string, id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	mustComment(s, repo, id).Deleted = true
	s.tell()
}

func mustComment(s *Server, repo string, id int64) *Comment {
	c := mustRepo(s, repo).comment(id)
	if c == nil {
		panic(fmt.Sprintf("githubtest: no comment %d in %s", id, repo))
	}
	return c
}
