package outbox

import (
	"context"
	"errors"
	"fmt"

	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// sendFile puts the whole plan into the run's thread. Where Slack names the file's address it is recorded, and the run's message
// brought up to date so that it leads there.
func (s *sender) sendFile(ctx context.Context, unknown bool) (func(*store.Tx) error, error) {
	a, run := s.outbox, s.run
	if run.Card == nil || run.Plan == nil {
		return nil, nil
	}
	name := fmt.Sprintf("plan-%d-%s.txt", run.ID, words.Short(run.Plan.Shown()))
	file := &store.PlanFile{Digest: run.Plan.Shown(), Thread: run.Card.TS}
	if unknown {
		link, found, err := s.world.Slack.FindFile(ctx, run.Card.Channel, run.Card.TS, name)
		if err != nil {
			return nil, err
		}
		if found {
			return s.filed(file, link), nil
		}
	}
	text, err := a.engines.PlanText(run.ID)
	if err != nil || text == "" {
		return nil, nil // the store has none any more: nothing to show
	}
	s.wrote = true
	link, err := s.world.Slack.UploadFile(ctx, slack.File{
		Channel: run.Card.Channel, Thread: run.Card.TS, Name: name, Content: a.health.Redact(text),
		Title: fmt.Sprintf("plan of %s #%d", notify.StackName(run.Stack), run.ID),
	})
	if err != nil {
		return nil, err
	}
	return s.filed(file, link), nil
}

// filed records where the file is. An address that redaction would change is none: it would lead nowhere.
func (s *sender) filed(file *store.PlanFile, link string) func(*store.Tx) error {
	if s.outbox.health.Redact(link) == link {
		file.Permalink = link
	}
	return func(tx *store.Tx) error {
		run, err := tx.ChangeRun(s.run.ID, func(r *store.Run) error {
			r.PlanFile = file
			return nil
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil // it went with the old runs meanwhile
		}
		if err != nil || file.Permalink == "" { // what there is to say then can wait until there is more
			return err
		}
		return s.outbox.ledger.RefreshCard(tx, run)
	}
}

// wholePlan is where a run's message can send people for the whole plan: an address, and whether it is in the message's own thread.
func wholePlan(run *store.Run) (link string, thread bool) {
	f := run.PlanFile
	if f == nil || f.Digest != run.Plan.Shown() {
		return "", false
	}
	return f.Permalink, run.Card != nil && run.Card.TS == f.Thread
}
