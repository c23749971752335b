package gitlabtest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// User is an account.
type User struct {
	ID      int64
	Login   string
	Blocked bool
	Emails  []string // confirmed; default that of the login at example.com
}

// Project is a project. Access are its members, those of its groups too.
type Project struct {
	ID            int64
	Name          string // with its groups: ops/infra
	Private       bool
	Archived      bool
	DefaultBranch string // default main
	Access        map[string]int
	Protected     map[string]int // branches, and the level that it takes to push to them or to merge into them
	Was           []string       // names that it had: requests for them are redirected
}

// Commit is a commit that the server knows. Those of merge requests are made when they are opened or pushed to.
type Commit struct {
	SHA                         string
	AuthorEmail, CommitterEmail string
	Branches                    []string // that contain it
}

// Version is what a merge request's diff was at one time.
type Version struct {
	ID   int64
	Head string
	At   time.Time
}

// Pull is a merge request.
type Pull struct {
	Number  int
	Title   string
	Author  string // login
	Draft   bool
	Head    string // full hash
	HeadRef string // default a branch of its own
	From    int64  // the project of the head; 0: the project itself
	Base    string
	BaseRef string   // default main
	Commits []string // hashes; default the head alone

	// What happened to it; set by the server.
	Open        bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
	MergedAt    time.Time
	MergedBy    string
	MergeCommit string   // empty after a fast-forward
	Squash      string   // the squashed commit, if it was squashed
	Landed      []string // other commits that it came onto the branch as: of a rebase or a merge train

	shown     *string // what the API still gives as its head
	fork      bool
	versions  []Version
	approvals map[string]time.Time
	refused   map[string]bool
	actions   []string
}

// Comment is a note of a merge request.
type Comment struct {
	ID        int64
	Pull      int
	Author    string
	Body      string
	System    bool
	OnDiff    bool
	CreatedAt time.Time
	UpdatedAt time.Time
	Deleted   bool
	Versions  []string // every body that it had, oldest first
}

// Status is a job of a pipeline that was made from outside.
type Status struct {
	ID                                               int64
	SHA, Ref, Context, State, Description, TargetURL string
	User                                             string
	Pipeline                                         int64
	At                                               time.Time
}

type pipeline struct {
	id       int64
	sha, ref string
	source   string
}

type project struct {
	Project
	pulls     []*Pull
	notes     []*Comment
	commits   map[string]*Commit
	pipelines []pipeline
	jobs      []*Status
}

func newProject(p Project) *project {
	access := map[string]int{}
	for login, level := range p.Access {
		access[strings.ToLower(login)] = level
	}
	p.Access = access
	if p.DefaultBranch == "" {
		p.DefaultBranch = "main"
	}
	return &project{Project: p, commits: map[string]*Commit{}}
}

func (p *project) pull(number int) *Pull {
	for _, m := range p.pulls {
		if m.Number == number {
			return m
		}
	}
	return nil
}

func (p *project) note(id int64) *Comment {
	for _, n := range p.notes {
		if n.ID == id && !n.Deleted {
			return n
		}
	}
	return nil
}

func (p *project) know(sha, login string, branches ...string) {
	c := p.commits[sha]
	if c == nil {
		c = &Commit{SHA: sha, AuthorEmail: login + "@example.com", CommitterEmail: login + "@example.com"}
		p.commits[sha] = c
	}
	for _, b := range branches {
		if !slices.Contains(c.Branches, b) {
			c.Branches = append(c.Branches, b)
		}
	}
}

// change does something under the lock and wakes whoever waits.
func (s *Server) change(do func()) {
	s.Lock()
	defer s.Unlock()
	do()
	s.Tell()
}

// AddUser adds an account, or replaces the one of that login.
func (s *Server) AddUser(u User) {
	if u.Emails == nil {
		u.Emails = []string{u.Login + "@example.com"}
	}
	s.Lock()
	defer s.Unlock()
	s.users[strings.ToLower(u.Login)] = &u
}

// DeleteUser lets an account go; what it wrote stays, by nobody.
func (s *Server) DeleteUser(login string) {
	s.change(func() {
		mustUser(s, login)
		delete(s.users, strings.ToLower(login))
	})
}

// AddProject adds a project, a fork too.
func (s *Server) AddProject(p Project) {
	s.change(func() { s.projects[strings.ToLower(p.Name)] = newProject(p) })
}

// DeleteProject deletes a project: merge requests from it have no source project any more.
func (s *Server) DeleteProject(name string) {
	s.change(func() {
		mustProject(s, name)
		delete(s.projects, strings.ToLower(name))
	})
}

// ChangeProject changes what is known of a project: archives, protects or hides it.
func (s *Server) ChangeProject(name string, change func(*Project)) {
	s.change(func() { change(&mustProject(s, name).Project) })
}

// Rename gives a project another path. Its number stays.
func (s *Server) Rename(name, to string) {
	s.change(func() {
		p := mustProject(s, name)
		delete(s.projects, strings.ToLower(name))
		p.Was, p.Name = append(p.Was, p.Name), to
		s.projects[strings.ToLower(to)] = p
	})
}

// SetAccess gives somebody a level in a project; 0 takes all away.
func (s *Server) SetAccess(name, login string, level int) {
	s.change(func() {
		mustUser(s, login)
		p := mustProject(s, name)
		if p.Access[strings.ToLower(login)] = level; level == 0 {
			delete(p.Access, strings.ToLower(login))
		}
	})
}

// SetScopes changes what the token may do.
func (s *Server) SetScopes(scopes ...string) { s.change(func() { s.opts.Scopes = scopes }) }

// Revoke makes the token worthless.
func (s *Server) Revoke() { s.change(func() { s.revoked = true }) }

// Pass lets time pass.
func (s *Server) Pass(d time.Duration) { s.change(func() { s.skew += d }) }

// AddCommit lets the server know a commit.
func (s *Server) AddCommit(name string, c Commit) {
	s.change(func() { mustProject(s, name).commits[c.SHA] = &c })
}

// AddPipeline runs a pipeline of the project's own CI, and returns its number.
func (s *Server) AddPipeline(name, sha, ref string) (id int64) {
	s.change(func() {
		p := mustProject(s, name)
		id = nextID(s)
		p.pipelines = append(p.pipelines, pipeline{id: id, sha: sha, ref: ref, source: "push"})
	})
	return id
}

// OpenPull opens a merge request and returns its number.
func (s *Server) OpenPull(name string, m Pull) int {
	s.change(func() {
		p := mustProject(s, name)
		mustUser(s, m.Author)
		now := s.now()
		m.Number, m.Open, m.CreatedAt, m.UpdatedAt = len(p.pulls)+1, true, now, now
		m.fork = m.From != 0 && m.From != p.ID
		if m.From == 0 {
			m.From = p.ID
		}
		if m.HeadRef == "" {
			m.HeadRef = fmt.Sprintf("topic-%d", m.Number)
		}
		if m.BaseRef == "" {
			m.BaseRef = "main"
		}
		if m.Base == "" {
			m.Base = strings.Repeat("b", 40)
		}
		if len(m.Commits) == 0 {
			m.Commits = []string{m.Head}
		}
		m.approvals, m.refused = map[string]time.Time{}, map[string]bool{}
		p.pulls = append(p.pulls, &m)
		pushed(s, p, &m)
	})
	return m.Number
}

// pushed makes the commits of a merge request known, in the project itself only by its refs if they come from a fork, and records
// what its diff is now.
func pushed(s *Server, p *project, m *Pull) {
	for _, sha := range m.Commits {
		if !m.fork {
			p.know(sha, m.Author, m.HeadRef)
			continue
		}
		p.know(sha, m.Author)
		if from := projectOf(s, m.From); from != nil {
			from.know(sha, m.Author, m.HeadRef)
		}
	}
	if n := len(m.versions); n == 0 || m.versions[n-1].Head != m.Head {
		m.versions = append(m.versions, Version{ID: nextID(s), Head: m.Head, At: s.now()})
	}
}

// ChangePull changes a merge request: its title, whether it is a draft, its branch.
func (s *Server) ChangePull(name string, number int, change func(*Pull)) {
	s.change(func() {
		p, m := mustPull(s, name, number)
		change(m)
		m.UpdatedAt = s.now()
		pushed(s, p, m)
	})
}

// Push gives a merge request a new head, by its author. What was approved stays approved.
func (s *Server) Push(name string, number int, sha string) {
	s.PushBy(name, number, mustAuthor(s, name, number), sha)
}

// PushBy is [Server.Push] by somebody else, who says in the commit that its author made it.
func (s *Server) PushBy(name string, number int, login, sha string) {
	s.ChangePull(name, number, func(m *Pull) {
		m.Head = sha
		m.Commits = append(slices.Clone(m.Commits), sha)
	})
	s.SystemNote(name, number, login, "added 1 commit\n\n<ul><li>"+sha[:8]+" - more</li></ul>")
}

func mustAuthor(s *Server, name string, number int) string {
	s.Lock()
	defer s.Unlock()
	_, m := mustPull(s, name, number)
	return m.Author
}

// ForcePush replaces what a merge request brings.
func (s *Server) ForcePush(name string, number int, sha string) {
	s.ChangePull(name, number, func(m *Pull) { m.Head, m.Commits = sha, []string{sha} })
}

// Lag lets the API go on giving a hash as the head of a merge request, or none if it is empty, until [Server.Settle]: so it is for some
// seconds after a push.
func (s *Server) Lag(name string, number int, sha string) {
	s.change(func() {
		_, m := mustPull(s, name, number)
		m.shown = &sha
	})
}

// Settle ends [Server.Lag]. When a merge request was last changed stays as it was.
func (s *Server) Settle(name string, number int) {
	s.change(func() {
		_, m := mustPull(s, name, number)
		m.shown = nil
	})
}

// ClosePull closes a merge request without merging it.
func (s *Server) ClosePull(name string, number int) {
	s.ChangePull(name, number, func(m *Pull) { m.Open = false })
}

// Merge merges a merge request as a commit.
func (s *Server) Merge(name string, number int, login, sha string) {
	s.MergeAs(name, number, login, func(m *Pull) { m.MergeCommit = sha })
}

// MergeAs merges a merge request; as says what it came onto the branch as. Without anything it was a fast-forward.
func (s *Server) MergeAs(name string, number int, login string, as func(*Pull)) {
	s.ChangePull(name, number, func(m *Pull) {
		p := mustProject(s, name)
		mustUser(s, login)
		as(m)
		m.Open, m.MergedAt, m.MergedBy = false, s.now(), login
		for _, sha := range append([]string{m.MergeCommit, m.Squash}, m.Landed...) {
			if sha != "" {
				p.know(sha, login, m.BaseRef)
			}
		}
		for _, sha := range m.Commits {
			if m.Squash == "" {
				p.know(sha, m.Author, m.BaseRef)
			}
		}
	})
}

// Review approves a merge request, or says that it wants changes: APPROVED, CHANGES_REQUESTED. The clock goes on by a minute first.
func (s *Server) Review(name string, number int, login, state string) (id int64) {
	s.ChangePull(name, number, func(m *Pull) {
		mustUser(s, login)
		s.skew += time.Minute
		id = nextID(s)
		switch state {
		case "APPROVED":
			m.approvals[login] = s.now()
			delete(m.refused, login)
		case "CHANGES_REQUESTED":
			m.refused[login] = true
		default:
			panic("gitlabtest: no review " + state)
		}
	})
	return id
}

// Unapprove takes somebody's approval back.
func (s *Server) Unapprove(name string, number int, login string) {
	s.ChangePull(name, number, func(m *Pull) { delete(m.approvals, login) })
}
