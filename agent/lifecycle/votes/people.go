package votes

import (
	"cmp"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/notify/words"
	"sallyport/store"
)

// Untied is the person of a vote on the command line that nothing ties to a human. One human can have several accounts on a
// host, and one in Slack besides: such a vote counts as one of somebody who has voted already, if anybody has.
const Untied = "cli"

// PersonOf says who somebody is for counting. Accounts in Slack are different people by themselves. On the command line it
// takes a person block, and it has to name who had logged in: with sudo one human has several accounts. Where the kernel knows of
// none (a service) nobody can tell whose vote it is; nor where the account is neither that login's nor root's: a process without a
// login may write whichever it likes into /proc/self/loginuid, with no privilege at all, and become another human as it is. Which
// login an account stands for where there are none at all says package peercred.
func PersonOf(people []config.Person, by string) string {
	account, _ := store.Account(by)
	service, id, _ := strings.Cut(account, ":")
	if service != "cli" {
		for _, p := range people {
			if service == "slack" && p.Slack == id {
				return personKey(p)
			}
		}
		return account
	}
	login := store.Login(by)
	if id != login && id != "root" {
		return Untied
	}
	for _, p := range people {
		if p.OS != "" && p.OS == login {
			return personKey(p)
		}
	}
	return Untied
}

// personKey is a human of a person block, for counting.
func personKey(p config.Person) string { return "person:" + p.Name }

// Distinct is how many humans a set of persons is at least.
func Distinct(persons map[string]bool) int {
	n := len(persons)
	if persons[Untied] && n > 1 {
		n--
	}
	return n
}

// SamePerson reports whether a reviewer may be who broke the glass: one in a shell whom nothing ties to a human may be anybody.
func SamePerson(reviewer, breaker string) bool { return reviewer == breaker || reviewer == Untied }

// NotOwn refuses the approval of somebody who made the change, or asked for it. Who cannot be told apart from those counts as
// one of them: unknown people must not slip through.
func NotOwn(people []config.Person, run *store.Run, by, person string) error {
	if run.RequestedBy != "" && (run.RequestedBy == by || PersonOf(people, run.RequestedBy) == person) {
		return hint.Refuse("somebody else has to approve", "you asked for #%d, and this stack does not allow self-approval", run.ID)
	}
	name, known := strings.CutPrefix(person, "person:")
	if !known {
		return hint.Refuse("a person block in the configuration says who is who", "this stack does not allow self-approval, and nobody knows which author %s is", by)
	}
	origin := run.Origin
	if origin == nil { // planned by a version that did not ask, or while self-approval was allowed
		origin = &store.Origin{Makers: []store.Maker{{Name: run.Author, Email: run.AuthorEmail}}}
	}
	if origin.Unknown != "" {
		return hint.Refuse("sallyport plan "+run.Stack+" asks again", "this stack does not allow self-approval, and it could not be found out who made the changes: %s", origin.Unknown)
	}
	var unknown []string
	for _, m := range origin.Makers {
		found := false
		for _, p := range people {
			if !makerIs(m, p) {
				continue
			}
			found = true
			if p.Name == name {
				return hint.Refuse("somebody else has to approve", "you are an author, a committer or the merger of what #%d would apply (%s), and this stack does not allow self-approval", run.ID, m)
			}
		}
		if !found {
			unknown = append(unknown, m.String())
		}
	}
	if len(unknown) > 0 {
		return hint.Refuse("name them in person blocks", "this stack does not allow self-approval, and nobody knows who made some of what #%d would apply: %s", run.ID, words.List(unknown, 5))
	}
	if run.RequestedBy != "" && PersonOf(people, run.RequestedBy) == Untied {
		return hint.Refuse("a person block with os says who that is; or ask for the run in Slack",
			"this stack does not allow self-approval, and nobody knows who %s is, who asked for #%d", run.RequestedBy, run.ID)
	}
	return nil
}

// makerIs compares somebody who made a change with a person; what git says can be forged, so it only ever forbids.
func makerIs(m store.Maker, p config.Person) bool {
	if m.Login != "" && strings.EqualFold(m.Login, p.Login(cmp.Or(m.Site, "github"))) {
		return true
	}
	return authorIs(strings.ToLower(m.Name+" "+m.Email), p)
}

// authorIs compares a commit's author with a person; git's author text can be forged, so it only ever forbids.
func authorIs(author string, p config.Person) bool {
	for _, id := range []string{p.Name, p.GitHub, p.GitLab, p.Gitea, p.OS} {
		if id == "" {
			continue
		}
		for _, word := range strings.FieldsFunc(author, func(r rune) bool { return strings.ContainsRune(" <>@+", r) }) {
			if word == strings.ToLower(id) {
				return true
			}
		}
	}
	return false
}
