package giteatest

import (
	"fmt"
	"slices"
	"strings"
)

// AddUser adds an account, or replaces the one of that login.
func (s *Server) AddUser(u User) {
	s.Lock()
	defer s.Unlock()
	s.users[strings.ToLower(u.Login)] = &u
	s.Tell()
}

// DeleteUser lets an account go; what it wrote stays, by Ghost.
func (s *Server) DeleteUser(login string) {
	s.Lock()
	defer s.Unlock()
	mustUser(s, login)
	delete(s.users, strings.ToLower(login))
	s.Tell()
}

// AddRepository adds a repository, a fork too.
func (s *Server) AddRepository(r Repository) {
	s.Lock()
	defer s.Unlock()
	s.repos[strings.ToLower(r.Name)] = newRepository(r)
	s.Tell()
}

// DeleteRepository deletes a repository: pull requests from it are closed and have no head repository any more, without being touched.
func (s *Server) DeleteRepository(name string) {
	s.Lock()
	defer s.Unlock()
	gone := mustRepo(s, name)
	delete(s.repos, strings.ToLower(name))
	for _, r := range s.repos {
		for _, p := range r.pulls {
			if p.From == gone.ID {
				p.From, p.Open = -1, false
			}
		}
	}
	s.Tell()
}

// ChangeRepository changes what is known of a repository: its teams, archives or hides it.
func (s *Server) ChangeRepository(name string, change func(*Repository)) {
	s.Lock()
	defer s.Unlock()
	change(&mustRepo(s, name).Repository)
	s.Tell()
}

// Rename gives a repository another name; requests for the old one are sent to the new one.
func (s *Server) Rename(name, to string) {
	s.Lock()
	defer s.Unlock()
	r := mustRepo(s, name)
	s.repos[strings.ToLower(name)] = &repository{Repository: Repository{Name: name, MovedTo: to}}
	r.Name = to
	s.repos[strings.ToLower(to)] = r
	s.Tell()
}

// SetAccess makes somebody a collaborator; an empty level takes that away.
func (s *Server) SetAccess(repo, login, level string) {
	s.Lock()
	defer s.Unlock()
	mustUser(s, login)
	access := mustRepo(s, repo).Access
	if access[strings.ToLower(login)] = level; level == "" {
		delete(access, strings.ToLower(login))
	}
	s.Tell()
}

// SetScopes changes what the token may do.
func (s *Server) SetScopes(scopes ...string) {
	s.Lock()
	defer s.Unlock()
	s.opts.Scopes = scopes
	s.Tell()
}

// Revoke makes the token worthless.
func (s *Server) Revoke() {
	s.Lock()
	defer s.Unlock()
	s.revoked = true
	s.Tell()
}

// Lag keeps back who pushed, from now on, until [Server.CatchUp].
func (s *Server) Lag() {
	s.Lock()
	defer s.Unlock()
	s.lag = true
}

// CatchUp tells of every push.
func (s *Server) CatchUp() {
	s.Lock()
	defer s.Unlock()
	s.lag = false
	for _, r := range s.repos {
		for _, p := range r.pulls {
			for i := range p.pushes {
				p.pushes[i].late = false
			}
		}
	}
	s.Tell()
}

// Forget never tells of the pushes that were not told of yet, as it happens to one that Gitea comes to after the merge.
func (s *Server) Forget() {
	s.Lock()
	defer s.Unlock()
	for _, r := range s.repos {
		for _, p := range r.pulls {
			p.pushes = slices.DeleteFunc(p.pushes, func(one push) bool { return one.late })
		}
	}
	s.Tell()
}

// AddCommit lets the server know a commit.
func (s *Server) AddCommit(repo string, c Commit) {
	s.Lock()
	defer s.Unlock()
	if c.Authored.IsZero() {
		c.Authored = s.now()
	}
	if c.Committed.IsZero() {
		c.Committed = s.now()
	}
	mustRepo(s, repo).commits[c.SHA] = &c
	s.Tell()
}

// OpenPull opens a pull request and returns its number.
func (s *Server) OpenPull(repo string, p Pull) int {
	s.Lock()
	defer s.Unlock()
	r := mustRepo(s, repo)
	mustUser(s, p.Author)
	p.Number, p.Open, p.CreatedAt, p.UpdatedAt, p.kept = len(r.pulls)+1, true, s.now(), s.now(), p.Head
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
	parent := p.Base
	for _, sha := range p.Commits {
		s.know(r, sha, p.Author, parent)
		parent = sha
	}
	p.pushes = []push{{by: p.Author, commits: slices.Clone(p.Commits), late: s.lag, at: s.now()}} // whoever pushed them before
	r.pulls = append(r.pulls, &p)
	s.Tell()
	return p.Number
}

// ChangePull changes a pull request: its title, its branch.
func (s *Server) ChangePull(repo string, number int, change func(*Pull)) {
	s.Lock()
	defer s.Unlock()
	r, p := mustPull(s, repo, number)
	change(p)
	p.UpdatedAt = s.now()
	if p.MergedAt.IsZero() {
		p.kept = p.Head
	}
	s.know(r, p.Head, p.Author, p.Base)
	s.Tell()
}

// Push gives a pull request a new head, by its author.
func (s *Server) Push(repo string, number int, sha string) {
	s.Lock()
	_, p := mustPull(s, repo, number)
	author := p.Author
	s.Unlock()
	s.PushBy(repo, number, author, sha)
}

// PushBy pushes a commit of the pull request's author in somebody's name. After the merge only the branch moves.
func (s *Server) PushBy(repo string, number int, login, sha string) {
	s.push(repo, number, login, sha, false)
}

// ForcePush replaces everything by one commit.
func (s *Server) ForcePush(repo string, number int, login, sha string) {
	s.push(repo, number, login, sha, true)
}

func (s *Server) push(repo string, number int, login, sha string, forced bool) {
	s.ChangePull(repo, number, func(p *Pull) {
		mustUser(s, login)
		old := p.Head
		p.Head = sha
		if !p.MergedAt.IsZero() {
			return
		}
		told := []string{sha}
		if forced {
			told, p.Commits = []string{old, sha}, nil
		}
		p.Commits = append(slices.Clone(p.Commits), sha)
		p.pushes = append(p.pushes, push{by: login, commits: told, forced: forced, late: s.lag, at: s.now()})
		for _, v := range p.reviews {
			v.Stale = v.Stale || v.Commit != sha
		}
	})
}

// ClosePull closes a pull request without merging it.
func (s *Server) ClosePull(repo string, number int) {
	s.ChangePull(repo, number, func(p *Pull) { p.Open = false })
}

// Merge merges a pull request: as a commit, or as what a squash or a fast-forward made of it.
func (s *Server) Merge(repo string, number int, login, sha string) {
	s.Lock()
	mustUser(s, login)
	r, p := mustPull(s, repo, number)
	s.know(r, sha, login, p.Base)
	s.Unlock()
	s.ChangePull(repo, number, func(p *Pull) {
		p.Open, p.MergedAt, p.MergedBy, p.MergeCommit = false, s.now(), login, sha
		for i := range p.pushes { // the base has them by the time that they are told
			if p.pushes[i].late {
				p.pushes[i].commits = nil
			}
		}
	})
}

// Rebase merges a pull request by making its commits anew, in the order of hashes that are given.
func (s *Server) Rebase(repo string, number int, login string, hashes ...string) {
	s.Lock()
	r, p := mustPull(s, repo, number)
	parent := p.Base
	for i, sha := range hashes {
		c := *r.commits[p.Commits[i]]
		c.SHA, c.Committer, c.CommitterEmail, c.Committed, c.Parents = sha, login, login+"@example.com", s.now(), []string{parent}
		r.commits[sha] = &c
		parent = sha
	}
	s.Unlock()
	s.Merge(repo, number, login, hashes[len(hashes)-1])
}

// Review reviews the head of a pull request and returns the review's id. A later word of the same person dismisses the earlier ones. Nobody
// may judge a pull request of one's own.
func (s *Server) Review(repo string, number int, login, state string) (id int64) {
	s.ChangePull(repo, number, func(p *Pull) {
		mustUser(s, login)
		if strings.EqualFold(login, p.Author) && (state == "APPROVED" || state == "REQUEST_CHANGES") {
			panic("giteatest: 422: approve or reject your own pull is not allowed")
		}
		official := rank(s.can(mustRepo(s, repo), login)) >= rank("write")
		for _, v := range p.reviews {
			if official && strings.EqualFold(v.Author, login) && (state == "APPROVED" || state == "REQUEST_CHANGES") {
				v.Dismissed = true
			}
		}
		id = s.nextID()
		p.reviews = append(p.reviews, &Review{ID: id, Author: login, State: state, Commit: p.Head, Official: official, At: s.now()})
	})
	return id
}

// ChangeReview changes a review: dismisses it, calls it stale.
func (s *Server) ChangeReview(repo string, number int, id int64, change func(*Review)) {
	s.ChangePull(repo, number, func(p *Pull) {
		i := slices.IndexFunc(p.reviews, func(v *Review) bool { return v.ID == id })
		if i < 0 {
			panic(fmt.Sprintf("giteatest: no review %d", id))
		}
		change(p.reviews[i])
	})
}

// Comment comments on a pull request and returns the comment's id.
func (s *Server) Comment(repo string, number int, login, body string) int64 {
	s.Lock()
	defer s.Unlock()
	mustUser(s, login)
	r, p := mustPull(s, repo, number)
	defer s.Tell()
	return s.addComment(r, p, login, body).ID
}

func (s *Server) addComment(r *repository, p *Pull, login, body string) *Comment {
	now := s.now()
	c := &Comment{ID: s.nextID(), Pull: p.Number, Author: login, Body: body, CreatedAt: now, UpdatedAt: now, Versions: []string{body}}
	p.UpdatedAt = now
	r.comments = append(r.comments, c)
	return c
}

// EditComment changes a comment, as everybody who may write can; its author stays.
func (s *Server) EditComment(repo string, id int64, body string) {
	s.Lock()
	defer s.Unlock()
	s.setBody(mustComment(s, repo, id), body)
	s.Tell()
}

func (s *Server) setBody(c *Comment, body string) {
	c.Body, c.UpdatedAt, c.Versions = body, s.now(), append(c.Versions, body)
}

// DeleteComment deletes a comment, as people with write access can.
func (s *Server) DeleteComment(repo string, id int64) {
	s.Lock()
	defer s.Unlock()
	mustComment(s, repo, id).Deleted = true
	s.Tell()
}

func mustComment(s *Server, repo string, id int64) *Comment {
	c := mustRepo(s, repo).comment(id)
	if c == nil {
		panic(fmt.Sprintf("giteatest: no comment %d in %s", id, repo))
	}
	return c
}

// Statuses are all statuses that a commit was given in a context, oldest first; an empty context gives all.
func (s *Server) Statuses(repo, sha, context string) []Status {
	s.Lock()
	defer s.Unlock()
	var out []Status
	for _, st := range mustRepo(s, repo).statuses {
		if st.SHA == sha && (context == "" || st.Context == context) { // whose case matters
			out = append(out, st)
		}
	}
	return out
}

// Status is how a commit stands in a context now; ok is false if it was given none.
func (s *Server) Status(repo, sha, context string) (st Status, ok bool) {
	list := s.Statuses(repo, sha, context)
	if len(list) == 0 {
		return Status{}, false
	}
	return list[len(list)-1], true
}

// Comments are the comments of a pull request that are there now, oldest first.
func (s *Server) Comments(repo string, number int) []Comment {
	s.Lock()
	defer s.Unlock()
	r, p := mustPull(s, repo, number)
	var out []Comment
	for _, c := range r.comments {
		if c.Pull == p.Number && !c.Deleted {
			one := *c
			one.Versions = slices.Clone(c.Versions)
			out = append(out, one)
		}
	}
	return out
}

// Backdate makes an edit one of the second in which the comment was made: nothing shows it.
func (s *Server) Backdate(repo string, id int64) {
	s.Lock()
	defer s.Unlock()
	c := mustComment(s, repo, id)
	c.UpdatedAt = c.CreatedAt
	s.Tell()
}
