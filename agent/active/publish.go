package active

import (
	"strings"

	"sallyport/agent/lifecycle/votes"
	"sallyport/notify/people"
	"sallyport/store"
)

// DecidedBy are the names of the people who brought a run to where it stands.
func (conf *Config) DecidedBy(run *store.Run) []string {
	want := store.Approve
	switch run.Status {
	case store.Approved, store.Applying, store.Applied:
	case store.Discarded:
		want = store.Deny
	case store.Canceled:
		return conf.names(run.CancelBy)
	default:
		return nil
	}
	var by []string
	for _, d := range run.Decisions {
		if votes.Counts(run, d) && d.Verdict == want {
			by = append(by, d.By)
		}
	}
	return conf.names(by...)
}

// names are people as people know them: by their person block, else as Slack calls them, else by the account that they used.
func (conf *Config) names(by ...string) []string {
	var out []string
	for _, who := range by {
		if account, _ := store.Account(who); strings.Contains(account, ":") {
			out = append(out, people.Names(conf.Name).Of(account))
		}
	}
	return out
}
