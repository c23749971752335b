package outbox

import (
	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/lifecycle/votes"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/store"
)

// Card is everything that the run's message shows now.
func (ob *Outbox) Card(conf *active.Config, run *store.Run) notify.Card {
	c := notify.Card{
		Run: run.ID, Stack: run.Stack, Kind: run.Kind, Status: run.Status, Commit: run.Commit, Author: run.Author, Subject: run.Subject,
		Reason: run.Reason, Options: run.Options, RequestedBy: run.RequestedBy, Position: run.Position, GitDown: run.GitDown, Warnings: run.Warnings,
		Plan: run.Plan, Decisions: run.Decisions, ExpiresAt: run.ExpiresAt, Apply: run.Apply, Error: run.Error, Hint: run.Hint,
		Notes: run.Notes, Hooks: run.HookNotes, Build: run.Engine == config.EnginePacker, Artifacts: run.Artifacts,
		Held: run.Held, Asks: run.Asks, Mark: phrase.GlassText(run.BreakGlass), Agent: ob.id, Approvals: 1, ShowAddresses: true,
	}
	c.Recover = run.AtApplied && run.Kind == store.KindManual
	if run.Reason == notify.FirstSeen {
		c.Reason, c.Position, c.First = "", "", true
	}
	c.Origin = phrase.Facts(run.Origin)
	if run.Plan != nil {
		c.Digest = run.Plan.Digest
		c.PlanURL, c.PlanThread = wholePlan(run)
	}
	if s := conf.Stack(run.Stack); s != nil {
		c.Label, c.Approvals, c.Mention = s.Label, s.Approvals, s.Mention
		c.ShowAddresses = s.PlanInSlack != "none"
		if s.PlanInSlack != "full" { // as it is now: it may have changed since the file was put there
			c.PlanURL, c.PlanThread = "", false
		}
		_, c.Got = votes.Weigh(run, s)
		if run.Status == store.Planned {
			c.WaitsFor = conf.WaitsFor(run, s)
		}
	}
	return c
}

// sign writes on a card who wrote it, and the head of our history at this moment.
func (ob *Outbox) sign(conf *active.Config, run *store.Run, card *notify.Card) error {
	card.Epoch = ob.epoch
	if s := conf.Stack(run.Stack); s != nil {
		card.State = active.StateMark(conf.Cfg, s)
	}
	return ob.store.View(func(tx *store.Tx) (err error) {
		card.HistorySeq, card.HistoryHash, err = tx.HistoryHead()
		return err
	})
}
