package agent_test

import (
	"fmt"
	"os/user"
	"strings"
	"testing"

	"sallyport/notify/github/githubtest"
	"sallyport/store"
)

// selfTest is one change and the human at the command line, who is known on GitHub as somebody.
type selfTest struct {
	human   string // login of whoever approves; empty: no person block names him
	people  string // others with person blocks, by blanks
	request bool   // the human also asked for the run
	change  func(t *testing.T, r *repository, gh *githubtest.Server)
	refused string // part of the refusal; empty: the approval counts
	hosted  bool
}

// merged is a pull request of joe's with a commit of kim's that sam has committed; joe reviews nothing, lea does, jane merges.
func merged(_ *testing.T, r *repository, gh *githubtest.Server) {
	topic := strings.Repeat("ab", 20)
	gh.AddCommit(infra, githubtest.Commit{SHA: topic, Author: "kim", AuthorEmail: "k@k.example", Committer: "sam", CommitterEmail: "s@s.example"})
	n := gh.OpenPull(infra, githubtest.Pull{Author: "joe", Title: "Make it two", Head: topic, Commits: []string{topic}})
	gh.Review(infra, n, "lea", "APPROVED")
	// A squash, as the site makes it: git names somebody who had nothing to do with it.
	gh.Merge(infra, n, "jane", r.commit("Make it two", map[string]string{"box/main.tf": data("a", "two")}))
}

// direct is a push without a pull request, whose author git says is jane@example.com.
func direct(_ *testing.T, r *repository, gh *githubtest.Server) {
	push(r, gh, "Direct", map[string]string{"box/main.tf": data("a", "two")})
}

func TestSelfApproval(t *testing.T) {
	t.Parallel()
	const everybody = "joe jane kim sam lea pat"
	for name, c := range map[string]selfTest{
		"the author of the pull request": {human: "joe", people: everybody, change: merged, hosted: true, refused: "you are an author"},
		"who merged it":                  {human: "jane", people: everybody, change: merged, hosted: true, refused: "you are an author"},
		"the author of a commit in it":   {human: "kim", people: everybody, change: merged, hosted: true, refused: "you are an author"},
		"the committer":                  {human: "sam", people: everybody, change: merged, hosted: true, refused: "you are an author"},
		"the login in other letters":     {human: "JOE", people: "jane kim sam lea", change: merged, hosted: true, refused: "you are an author"},
		"who reviewed it":                {human: "lea", people: everybody, change: merged, hosted: true},
		"somebody else":                  {human: "pat", people: everybody, change: merged, hosted: true},
		"somebody else, who asked":       {human: "pat", people: everybody, change: merged, hosted: true, request: true, refused: "you asked for"},
		"a committer that nobody knows":  {human: "pat", people: "joe jane kim", change: merged, hosted: true, refused: "nobody knows who made some of what #2 would apply: sam"},
		"whom nobody knows":              {human: "", people: everybody, change: merged, hosted: true, refused: "nobody knows which author"},
		"the author, without a site":     {human: "jane", people: everybody, change: direct, refused: "you are an author"},
		"somebody, without a site":       {human: "pat", people: everybody, change: direct},
		// Joe writes jane@example.com into his commit: his own pull request still says that it is his.
		"a forged author": {human: "joe", people: everybody, hosted: true, refused: "you are an author", change: func(_ *testing.T, r *repository, gh *githubtest.Server) {
			hash := r.commit("Forged", map[string]string{"box/main.tf": data("a", "two")})
			gh.AddCommit(infra, githubtest.Commit{SHA: hash, Author: "jane", AuthorEmail: "jane@example.com", Committer: "jane", CommitterEmail: "jane@example.com"})
			gh.Merge(infra, gh.OpenPull(infra, githubtest.Pull{Author: "joe", Head: hash, Commits: []string{hash}}), "joe", hash)
		}},
		"an earlier commit that was not applied": {human: "joe", people: everybody, hosted: true, refused: "you are an author",
			change: func(t *testing.T, r *repository, gh *githubtest.Server) {
				merged(t, r, gh)
				push(r, gh, "Jane's, later", map[string]string{"box/main.tf": data("a", "three")})
			}},
		"a commit of another stack": {human: "joe", people: everybody, hosted: true,
			change: func(t *testing.T, r *repository, gh *githubtest.Server) {
				hash := r.commit("Elsewhere", map[string]string{"other/main.tf": data("a", "one")})
				gh.Merge(infra, gh.OpenPull(infra, githubtest.Pull{Author: "joe", Head: hash, Commits: []string{hash}}), "joe", hash)
				direct(t, r, gh)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selfApproval(t, c)
		})
	}
}

func selfApproval(t *testing.T, c selfTest) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	r, gh := newRepository(t), site(t)
	for i, login := range []string{"kim", "sam", "lea", "pat"} {
		gh.AddUser(githubtest.User{ID: int64(100 + i), Login: login})
	}
	push(r, gh, "First", map[string]string{"box/main.tf": data("a", "one")})
	config := box(r, "")
	if c.hosted {
		config = hosted(t, r, gh, "off") + "stack \"box\" {\n  dir = \"box\"\n}\n"
	}
	h := newHouse(t, config).start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	h.stop()
	h.Body = strings.Replace(config, "dir = \"box\"", "dir = \"box\"\n  allow_self_approval = false", 1)
	for _, login := range strings.Fields(c.people) {
		if login != c.human {
			h.Body += fmt.Sprintf("person %q {\n  github = %q\n}\n", login, login)
		}
	}
	if c.human != "" {
		h.Body += fmt.Sprintf("person %q {\n  github = %q\n  os = %q\n}\n", strings.ToLower(c.human), c.human, me.Username)
	}
	c.change(t, r, gh)
	h.start()
	ref := "2"
	h.Reaches(ref, store.Planned)
	if c.request {
		ref = fmt.Sprint(h.plan("box", false))
		h.Reaches(ref, store.Planned)
	}
	err = h.Decide(ref, "approve")
	switch {
	case c.refused == "" && err != nil:
		t.Errorf("refused: %v", err)
	case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
		t.Errorf("approve: %v", err)
	}
}

// The card says by which pull request a change came, and while the site is away nobody who may not approve gets through.
func TestOriginOnTheCard(t *testing.T) {
	t.Parallel()
	r, gh, sl := newRepository(t), site(t), workspace(t)
	gh.AddUser(githubtest.User{ID: 100, Login: "kim"})
	gh.AddUser(githubtest.User{ID: 101, Login: "sam"})
	gh.AddUser(githubtest.User{ID: 102, Login: "lea"})
	merged(t, r, gh)
	people := ""
	for _, login := range []string{"joe", "kim", "sam", "lea"} {
		people += fmt.Sprintf("person %q {\n  github = %q\n}\n", login, login)
	}
	h := newHouse(t, hosted(t, r, gh, "off")+"stack \"box\" {\n  dir = \"box\"\n  allow_self_approval = false\n}\n"+
		"person \"jane\" {\n  github = \"jane\"\n  slack = \""+jane+"\"\n}\n"+people+asking(sl)).start()
	card := said(t, sl, "", "#1")
	if text := card.Visible(); !strings.Contains(text, "pull request #1 by joe, approved by lea, merged by jane: Make it two") {
		t.Errorf("the card says\n%s", text)
	}
	sl.Reply(jane, ops, card.TS, "approve")
	said(t, sl, card.TS, "did not count")
	h.Reaches("1", store.Planned)
	gh.Down()
	h.plan("box", false)
	h.Reaches("2", store.Planned)
	card = said(t, sl, "", "#2")
	sl.Reply(jane, ops, card.TS, "approve")
	said(t, sl, card.TS, "it could not be found out who made the changes")
}
