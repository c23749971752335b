package forge

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Words are what the people of a site say. The zero value has GitHub's words for changes, which most sites share.
type Words struct {
	Site   string // "GitLab"
	Block  string // of the configuration, and what accounts of the site begin with: "gitlab"
	Change string // "merge request"; default "pull request"
	Sign   string // before a number: "!"; default "#"
	// Committer is the e-mail address of what the site itself commits, in the name of whoever pressed the button; empty where it commits as them.
	Committer string
}

// Noun is what a change is called: "pull request".
func (w Words) Noun() string {
	if w.Change == "" {
		return "pull request"
	}
	return w.Change
}

// Name names a change as its site does: "pull request #12", "merge request !12".
func (w Words) Name(number int) string {
	sign := w.Sign
	if sign == "" {
		sign = "#"
	}
	return fmt.Sprintf("%s %s%d", w.Noun(), sign, number)
}

// Plain names a change where runs are spoken of too: "pull request 12", because #12 is a run; "merge request !12".
func (w Words) Plain(number int) string { return strings.Replace(w.Name(number), " #", " ", 1) }

// Count says how many changes there are: "1 pull request", "3 merge requests".
func (w Words) Count(n int) string {
	if n == 1 {
		return "1 " + w.Noun()
	}
	return fmt.Sprintf("%d %ss", n, w.Noun())
}

// SiteName is what the site is called in a sentence.
func (w Words) SiteName() string {
	if w.Site == "" {
		return "the site"
	}
	return w.Site
}

// Account is an account of the site among those of other services: "github:jane".
func (w Words) Account(login string) string { return w.Block + ":" + login }

// Head says which commit a status is of. A fork's head gets none.
type Head struct {
	Commit string // full hash
	Branch string // whose head it is: the change's own branch, or the one that is followed; empty if nobody knows any more
	Number int    // of the change whose head it is; 0 if it is on the branch that is followed
}

// Verdict is what a probe found about one permission.
type Verdict string

// The verdicts of probes.
const (
	Granted Verdict = "granted"
	Missing Verdict = "missing"
	Unclear Verdict = "unclear" // the site did not say
)

// Permission is one thing that a token has to be allowed to do.
type Permission struct {
	Name    string // as the site's settings call it: "commit statuses: write"
	For     string // what it is needed for
	Changes bool   // it is needed only where changes are planned
	Verdict Verdict
	Err     error // why it is missing or unclear
}

// Probe is what a token turned out to be.
type Probe struct {
	Login       string // whose it is; empty where the site has no account for it
	Version     string // of the site; empty where it has none
	Archived    bool   // read-only: neither statuses nor comments
	Permissions []Permission
	Notes       []string // what else a person should know; each is a warning
	Rate        Rate
}

// Hint says what a person can do; empty if nothing is missing.
func (p Probe) Hint() string {
	var names []string
	for _, one := range p.Permissions {
		if one.Verdict == Missing {
			names = append(names, one.Name)
		}
	}
	switch {
	case p.Archived:
		return "the repository is archived: nothing can be written to it"
	case len(names) > 0:
		return "give the token: " + strings.Join(names, ", ")
	}
	return ""
}

// Rate is a limit of requests as the last answer told it.
type Rate struct {
	Known     bool // false where there are no limits, or none that are told
	Limit     int
	Remaining int
	Reset     time.Time
}

// Cut shortens a text to at most n characters, without splitting one.
func Cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	runes := []rune(s)
	return strings.TrimRight(string(runes[:n-1]), " ") + "…"
}

// Units is the length of a text in UTF-16, as Java and JavaScript count it. It is never less than the number of its characters.
func Units(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}
