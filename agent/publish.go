package agent

import (
	"fmt"
	"strings"

	"sallyport/agent/lifecycle"
	"sallyport/notify/forge"
	"sallyport/notify/github"
	"sallyport/store"
)

// publish has the site that hosts a run's repository told how the run's commit stands. One key is one commit and stack, so
// that many changes in a row are one request; what it says is read when it is sent.
func (a *ledger) publish(tx *store.Tx, run *store.Run) error {
	if a.world.Load().sites[run.Repository] == nil {
		return nil
	}
	if run.Kind == store.KindPullRequest {
		// A head that came onto the branch as it is has runs that say more than the preview does.
		if newest, err := newestOf(tx, run.Stack); err != nil || newest != nil && newest.Commit == run.Commit {
			return err
		}
	}
	return tx.Enqueue(store.Message{
		Kind: store.MessageStatus, Key: statusKey(run.Repository, run.Commit, run.Stack), Run: run.ID,
		Repository: run.Repository, Commit: run.Commit, Stack: run.Stack,
	})
}

func statusKey(repository, commit, stack string) string {
	return fmt.Sprintf("status/%s/%s/%s", repository, commit, stack)
}

// newestOf is a stack's newest run that can apply; nil if there is none, or it is no longer kept.
func newestOf(tx *store.Tx, stack string) (*store.Run, error) {
	st, err := tx.Stack(stack)
	if err != nil || st.NewestRun == 0 {
		return nil, err
	}
	return found(tx.Run(st.NewestRun))
}

// statusOf is a run as a commit status.
func (a *outbox) statusOf(w *world, run *store.Run) forge.Status {
	return github.RunStatus(a.runWords(w, run))
}

// runWords is a run as the site's readers see it. Attribute values and secrets are not in it.
func (a *outbox) runWords(w *world, run *store.Run) github.Run {
	r := github.Run{
		ID: run.ID, Stack: run.Stack, Status: run.Status, Plan: run.Plan, Apply: run.Apply, Needed: 1,
		Held: a.redact(run.Held), By: w.decidedBy(run),
	}
	if run.Card != nil {
		r.URL = run.Card.Permalink
	}
	if s := w.stack(run.Stack); s != nil {
		r.Label, r.Needed = s.Label, s.Approvals
		_, r.Got = lifecycle.Weigh(run, s)
	}
	return r
}

// decidedBy are the names of the people who brought a run to where it stands.
func (w *world) decidedBy(run *store.Run) []string {
	want := store.Approve
	switch run.Status {
	case store.Approved, store.Applying, store.Applied:
	case store.Discarded:
		want = store.Deny
	case store.Canceled:
		return w.names(run.CancelBy)
	default:
		return nil
	}
	var by []string
	for _, d := range run.Decisions {
		if lifecycle.Counts(run, d) && d.Verdict == want {
			by = append(by, d.By)
		}
	}
	return w.names(by...)
}

// names are people as people know them: by their person block, else by the account that they used.
func (w *world) names(by ...string) []string {
	var out []string
	for _, who := range by {
		who, _ = store.Account(who)
		place, id, ok := strings.Cut(who, ":")
		if !ok {
			continue
		}
		name := id
		for _, p := range w.cfg.People {
			if place == "slack" && p.Slack == id || place == "cli" && p.OS == id || place == "github" && strings.EqualFold(p.GitHub, id) {
				name = p.Name
			}
		}
		if place == "policy" {
			name = "policy " + id
		}
		out = append(out, name)
	}
	return out
}
