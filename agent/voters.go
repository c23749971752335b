package agent

import (
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/fault"
	"sallyport/store"
)

// untied is the person of a vote on the command line that nothing ties to a human. One human can have several accounts on a
// host, and one in Slack besides: such a vote counts as one of somebody who has voted already, if anybody has.
const untied = "cli"

// personOf says who somebody is for counting. Accounts in Slack are different people by themselves. On the command line it
// takes a person block; with sudo or su it has to name who had logged in, since any human can become root.
func (w *world) personOf(by string) string {
	account, login := store.Account(by)
	service, id, _ := strings.Cut(account, ":")
	if service != "cli" {
		for _, p := range w.cfg.People {
			if service == "slack" && p.Slack == id {
				return personKey(p)
			}
		}
		return account
	}
	if login != "" {
		id = login
	}
	for _, p := range w.cfg.People {
		if p.OS != "" && p.OS == id {
			return personKey(p)
		}
	}
	return untied
}

func personKey(p config.Person) string { return "person:" + p.Name }

// distinct is how many humans a set of persons is at least.
func distinct(persons map[string]bool) int {
	n := len(persons)
	if persons[untied] && n > 1 {
		n--
	}
	return n
}

// samePerson reports whether a reviewer may be who broke the glass: one in a shell whom nothing ties to a human may be anybody.
func samePerson(reviewer, breaker string) bool { return reviewer == breaker || reviewer == untied }

// weigh counts the different people who approve; one deny outweighs them all.
func weigh(run *store.Run, s *config.Stack) (enough bool, got int) {
	people := map[string]bool{}
	alone := false
	for _, d := range run.Decisions {
		if !counts(run, d) {
			continue
		}
		if d.Verdict == store.Deny {
			return false, 0
		}
		people[d.Person] = true
		alone = alone || glassBroken(s, d)
	}
	if run.Policy() != "" {
		return true, s.Approvals // it stands for everybody
	}
	got = distinct(people)
	if fault.Without("different people") {
		got = len(run.Decisions)
	}
	return alone || got >= s.Approvals, got
}

// addsNothing says why an approval that was noted did not bring the run closer to its apply; empty if there is none.
func addsNothing(run *store.Run) string {
	people := map[string]bool{}
	by := ""
	for _, d := range run.Decisions {
		if counts(run, d) && d.Verdict == store.Approve {
			people[d.Person] = true
			if d.Person == untied {
				by = d.By
			}
		}
	}
	if distinct(people) == len(people) {
		return ""
	}
	return " No person block says who " + by + " is, so that approval adds nothing to those of others."
}
