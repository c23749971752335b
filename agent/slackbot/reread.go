package slackbot

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/fault"
	"sallyport/agent/journal"
	"sallyport/agent/lifecycle/votes"
	"sallyport/store"
)

// withdrawn is a vote that was taken back, with what tells it from all others of its run.
type withdrawn struct {
	key, text string
}

// keyOf is what tells a vote from all others of its run. One by a button has no message of its own.
func keyOf(d store.Decision) string {
	return cmp.Or(d.TS, fmt.Sprintf("%s/%d", d.By, d.At.UnixMicro()))
}

// withdraw takes back the votes for which gone gives a reason.
func (sb *Slackbot) withdraw(run *store.Run, gone func(store.Decision) string) error {
	any := false
	for _, d := range run.Decisions {
		any = any || votes.Counts(run, d) && d.Verdict == store.Approve && gone(d) != ""
	}
	if !any || run.Status != store.Planned && run.Status != store.Approved {
		return nil
	}
	return sb.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err != nil || now.Status != store.Planned && now.Status != store.Approved {
			return err
		}
		var taken []withdrawn
		now, err = tx.ChangeRun(run.ID, func(r *store.Run) error {
			for i, d := range r.Decisions {
				if why := gone(d); votes.Counts(r, d) && d.Verdict == store.Approve && why != "" {
					r.Decisions[i].Withdrawn = why
					taken = append(taken, withdrawn{keyOf(d), fmt.Sprintf("the approval of %s does not count any more: %s", d.By, why)})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, vote := range taken {
			if err := tx.AddEvent(store.Event{Type: "withdrawn", Run: run.ID, Stack: run.Stack, Text: vote.text}); err != nil {
				return err
			}
			if err := sb.ledger.Say(tx.Tx, now, store.MessageReply, "withdrawn/"+vote.key, strings.ToUpper(vote.text[:1])+vote.text[1:]+"."); err != nil {
				return err
			}
		}
		return sb.ledger.RefreshCard(tx.Tx, now)
	})
}

// inSlack begins the By of votes that were given in Slack, in a reply or by a button.
const inSlack = "slack:"

// Reread reads the approvals that were given in Slack once more, right before an apply: who deleted theirs, or is no
// approver any more, has not approved. held says why the apply has to wait; empty if it may go on.
func (sb *Slackbot) Reread(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack) (held string, err error) {
	fromShell, alone := map[string]bool{}, false
	var slackVotes []store.Decision
	for _, d := range run.Decisions {
		if !votes.Counts(run, d) || d.Verdict != store.Approve {
			continue
		}
		if !strings.HasPrefix(d.By, inSlack) { // a vote by a button is in no message, and its author is asked for all the same
			fromShell[d.Person], alone = true, alone || votes.GlassBroken(s, d)
		} else {
			slackVotes = append(slackVotes, d)
		}
	}
	if len(slackVotes) == 0 || run.Policy() != "" || fault.Without("reread") {
		return "", nil
	}
	if conf.Slack != nil {
		ctx, cancel := context.WithTimeout(ctx, 2*slackCall)
		defer cancel()
		if err = sb.rereadSlack(ctx, conf, run, s, slackVotes); err == nil {
			return "", nil
		}
	}
	if alone || votes.Distinct(fromShell) >= s.Approvals {
		return "", nil // enough votes need no Slack
	}
	why := "there is no slack block in the configuration any more"
	if err != nil {
		why = sb.health.Redact(err.Error())
	}
	return "approved; waits until the approvals in Slack can be read again: " + why, nil
}

func (sb *Slackbot) rereadSlack(ctx context.Context, conf *active.Config, run *store.Run, s *config.Stack, votes []store.Decision) error {
	self, err := conf.Directory.Identity(ctx)
	if err != nil {
		return err
	}
	if run.Card == nil {
		return fmt.Errorf("run #%d has votes in Slack and no message there", run.ID)
	}
	var thread *store.Thread
	if err := sb.store.View(func(tx *store.Tx) (err error) {
		thread, err = tx.Thread(run.ID)
		return err
	}); err != nil {
		return err
	}
	if err := sb.readThread(ctx, conf, self, thread, run, nil); err != nil {
		return err
	}
	gone := map[string]string{}
	for _, d := range votes {
		why, err := conf.Directory.MayDecide(ctx, d.By[len(inSlack):], active.Approvers(conf.Cfg, s))
		if err != nil {
			return err
		}
		if why != "" && !fault.Without("approver") {
			gone[d.By] = "not an approver any more"
		}
	}
	return sb.withdraw(run, func(d store.Decision) string { return gone[d.By] })
}
