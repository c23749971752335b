package agent_test

import (
	"fmt"
	"os/user"
	"slices"
	"strings"
	"testing"

	"sallyport/store"
)

// merged is a change of joe's with a commit of kim's that sam has committed; joe reviews nothing, lea does, jane merges.
func merged(r *repository, b hub) (number int) {
	for i, login := range []string{"kim", "sam", "lea", "pat"} {
		b.user(int64(100+i), login)
		b.access(login, true)
	}
	topic := strings.Repeat("ab", 20)
	b.knows(authored{topic, "kim", "sam"})
	n := b.open(proposal{author: "joe", title: "Make it two", head: topic})
	b.review(n, "lea")
	// A squash, as the site makes it: git names somebody who had nothing to do with it.
	b.lands(n, "jane", []string{r.commit("Make it two", map[string]string{"box/main.tf": data("a", "two")})})
	return n
}

// applied is a stack of which the first commit is applied, and whose makers may not approve from now on.
func applied(t *testing.T, r *repository, config string) *house {
	h := newHouse(t, config+"stack \"box\" {\n  dir = \"box\"\n}\n").start()
	h.Reaches("1", store.Planned)
	h.MustDecide("1", "approve")
	h.Reaches("1", store.Applied)
	h.stop()
	h.Body = config + "stack \"box\" {\n  dir = \"box\"\n  allow_self_approval = false\n}\n"
	return h
}

// approvalBy is what becomes of an approval of a run by somebody with this login at the command line, where these others are known.
func (h *house) approvalBy(b hub, run, human string, others ...string) error {
	h.t.Helper()
	me, err := user.Current()
	if err != nil {
		h.t.Fatal(err)
	}
	body := h.Body
	defer func() { h.Body = body }()
	h.Body += b.people(slices.DeleteFunc(others, func(login string) bool { return login == human })...)
	if human != "" {
		h.Body += fmt.Sprintf("person %q {\n  %s = %q\n  os = %q\n}\n", strings.ToLower(human), b.kind, human, me.Username)
	}
	h.start()
	defer h.stop()
	h.Reaches(run, store.Planned)
	return h.Decide(run, "approve")
}

var everybody = []string{"joe", "jane", "kim", "sam", "lea", "pat"}

func TestSelfApproval(t *testing.T) { atEachSite(t, selfApproval) }

func selfApproval(t *testing.T, b hub) {
	r := b.repository(t)
	b.pushes(r, "First", map[string]string{"box/main.tf": data("a", "one")})
	h := applied(t, r, b.hosted(r, "off"))
	n := merged(r, b)
	for _, c := range []struct {
		name, human string
		others      []string
		refused     string // empty: the approval counts
	}{
		{"the author of the change", "joe", everybody, "you are an author"},
		{"who merged it", "jane", everybody, "you are an author"},
		{"the author of a commit in it", "kim", everybody, "you are an author"},
		{"the committer", "sam", everybody, "you are an author"},
		{"the login in other letters", "JOE", []string{"jane", "kim", "sam", "lea"}, "you are an author"},
		{"a committer that nobody knows", "pat", []string{"joe", "jane", "kim"}, fmt.Sprintf("nobody knows who made some of what #2 would apply: %s", "sam")},
		{"whom nobody knows", "", everybody, "nobody knows which author"},
		{"who reviewed it", "lea", everybody, ""},
	} {
		err := h.approvalBy(b, "2", c.human, slices.Clone(c.others)...)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
			t.Errorf("%s of %s: %v", c.name, b.named(n), err)
		}
	}
}

// What is asked for by hand, what came before, and what is told of a commit by itself.
func TestSelfApprovalOfOtherChanges(t *testing.T) {
	t.Parallel()
	direct := func(r *repository, b hub) { b.pushes(r, "Direct", map[string]string{"box/main.tf": data("a", "two")}) }
	own := func(r *repository, b hub, made authored, files map[string]string) {
		made.sha = r.commit("Own", files)
		b.knows(made)
		b.merge(b.open(proposal{author: "joe", head: made.sha}), "joe", made.sha)
	}
	for name, c := range map[string]struct {
		human   string
		offsite bool // git's names are all that there is
		request bool // the human also asked for the run
		change  func(r *repository, b hub)
		refused string
	}{
		"somebody else":              {human: "pat", change: func(r *repository, b hub) { merged(r, b) }},
		"somebody else, who asked":   {human: "pat", change: func(r *repository, b hub) { merged(r, b) }, request: true, refused: "you asked for"},
		"the author, without a site": {human: "jane", change: direct, offsite: true, refused: "you are an author"},
		"somebody, without a site":   {human: "pat", change: direct, offsite: true},
		// Joe writes jane@example.com into his commit: his own pull request still says that it is his.
		"a forged author": {human: "joe", refused: "you are an author", change: func(r *repository, b hub) {
			own(r, b, authored{author: "jane", committer: "jane"}, map[string]string{"box/main.tf": data("a", "two")})
		}},
		"an earlier commit that was not applied": {human: "joe", refused: "you are an author", change: func(r *repository, b hub) {
			merged(r, b)
			b.pushes(r, "Jane's, later", map[string]string{"box/main.tf": data("a", "three")})
		}},
		"a commit of another stack": {human: "joe", change: func(r *repository, b hub) {
			own(r, b, authored{author: "joe", committer: "joe"}, map[string]string{"other/main.tf": data("a", "one")})
			direct(r, b)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := newRepository(t), atGitHub(t)
			b.pushes(r, "First", map[string]string{"box/main.tf": data("a", "one")})
			config := b.hosted(r, "off")
			if c.offsite {
				config, _, _ = strings.Cut(box(r, ""), "stack ")
			}
			h := applied(t, r, config)
			c.change(r, b)
			run := "2"
			if c.request {
				h.start()
				h.Reaches(run, store.Planned)
				run = fmt.Sprint(h.plan("box", false))
				h.Reaches(run, store.Planned)
				h.stop()
			}
			err := h.approvalBy(b, run, c.human, slices.Clone(everybody)...)
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("approve: %v", err)
			}
		})
	}
}

// The card says by which pull request a change came, and while the site is away nobody who may not approve gets through.
func TestOriginOnTheCard(t *testing.T) { atEachSite(t, originOnTheCard) }

func originOnTheCard(t *testing.T, b hub) {
	r, sl := b.repository(t), workspace(t)
	n := merged(r, b)
	h := newHouse(t, b.hosted(r, "off")+"stack \"box\" {\n  dir = \"box\"\n  allow_self_approval = false\n}\n"+
		fmt.Sprintf("person \"jane\" {\n  %s = \"jane\"\n  slack = %q\n}\n", b.kind, jane)+b.people("joe", "kim", "sam", "lea")+asking(sl)).start()
	card := said(t, sl, "", "#1")
	if text := card.Visible(); !strings.Contains(text, b.named(n)+" by joe, approved by lea, merged by jane: Make it two") {
		t.Errorf("the card says\n%s", text)
	}
	sl.Reply(jane, ops, card.TS, "approve")
	said(t, sl, card.TS, "did not count")
	h.Reaches("1", store.Planned)
	b.Down()
	h.plan("box", false)
	h.Reaches("2", store.Planned)
	card = said(t, sl, "", "#2")
	sl.Reply(jane, ops, card.TS, "approve")
	said(t, sl, card.TS, "it could not be found out who made the changes")
}
