package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"sallyport/agent/active"
	"sallyport/notify"
	"sallyport/notify/forge/report"
	"sallyport/notify/people"
	"sallyport/store"
)

// deliverComment writes the comment, if it does not say the same already. It stays after the pull request is closed.
func (ob *Outbox) deliverComment(ctx context.Context, conf *active.Config, site active.ForgeSite, m *store.Message) (func(*store.Tx) error, error) {
	changes, _ := site.(active.ForgeChanges)
	if changes == nil {
		return nil, nil // the repository has moved to a site that is told statuses only
	}
	var p *store.PullRequest
	runs := map[string]*store.Run{}
	err := ob.store.View(func(tx *store.Tx) (err error) {
		if p, err = tx.PullRequest(m.Repository, m.PullRequest); err != nil || p == nil {
			return err
		}
		for name, id := range p.Runs {
			if runs[name], err = store.Found(tx.Run(id)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || p == nil {
		return nil, err
	}
	if p.Comment == 0 && p.Why == "" && len(p.Runs)+len(p.Held)+len(p.Notes) == 0 {
		return nil, nil // it touches no stack: nobody waits to hear that
	}
	body, err := ob.report(conf, p, runs, changes.MaxComment())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(body))
	digest := hex.EncodeToString(sum[:])
	if p.Comment != 0 && p.Commented == digest {
		return nil, nil
	}
	id, err := changes.PutComment(ctx, p.Number, p.Comment, report.Marker(ob.id), body)
	if err != nil {
		return nil, err
	}
	return func(tx *store.Tx) error {
		now, err := tx.PullRequest(p.Repository, p.Number)
		if err != nil || now == nil {
			return err
		}
		now.Comment, now.Commented = id, digest
		return tx.PutPullRequest(now)
	}, nil
}

// report is the text of the comment.
func (ob *Outbox) report(conf *active.Config, p *store.PullRequest, runs map[string]*store.Run, limit int) (string, error) {
	out := report.Comment{Agent: ob.id, Head: p.Head, Untouched: p.Untouched, Limit: limit}
	if p.Why != "" {
		out.Notes = append(out.Notes, "not planned: "+ob.health.Redact(p.Why))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Held)) {
		out.Notes = append(out.Notes, fmt.Sprintf("%s is not planned, because %s; an approver may comment: sallyport plan %s", name, p.Held[name], p.Head))
	}
	for _, note := range p.Notes {
		out.Notes = append(out.Notes, ob.health.Redact(note))
	}
	for _, name := range slices.Sorted(maps.Keys(runs)) {
		run := runs[name]
		if run == nil {
			continue // it is no longer kept
		}
		words := ob.runWords(conf, run)
		for _, warning := range run.Warnings {
			words.Warnings = append(words.Warnings, ob.health.Redact(warning))
		}
		if s := conf.Stack(run.Stack); s == nil || s.PlanInSlack != "none" {
			words.Warnings = append(words.Warnings, notify.Returns(run.Plan)...)
		} else if empty := notify.EmptyAgain(run.Plan); empty != "" {
			words.Warnings = append(words.Warnings, empty)
		}
		words.Hooks = ob.hooksOf(conf, run)
		text, err := ob.previewText(conf, run)
		if err != nil {
			return "", err
		}
		words.Text = text
		out.Runs = append(out.Runs, words)
	}
	names := people.Names(conf.Name)
	for i, note := range out.Notes {
		out.Notes[i] = names.Plain(note)
	}
	for _, run := range out.Runs {
		for i, warning := range run.Warnings {
			run.Warnings[i] = names.Plain(warning)
		}
		for i := range run.Hooks {
			run.Hooks[i].Text = names.Plain(run.Hooks[i].Text)
		}
	}
	return out.Body(), nil
}

// hooksOf is what hooks say of a run, where others may read it: as on its card.
func (ob *Outbox) hooksOf(conf *active.Config, run *store.Run) []store.HookNote {
	hidden := false
	if s := conf.Stack(run.Stack); s != nil {
		hidden = s.PlanInSlack == "none"
	}
	out := make([]store.HookNote, 0, len(run.HookNotes))
	for _, n := range run.HookNotes {
		if n.Text = ob.health.Redact(n.Text); hidden {
			n.Text, n.Facts = "sallyport show "+strconv.Itoa(run.ID), nil
		}
		out = append(out, n)
	}
	return out
}

// previewText is what the comment shows of a run in full: its plan in Terraform's words, or its error.
func (ob *Outbox) previewText(conf *active.Config, run *store.Run) (string, error) {
	if run.Error != "" {
		return ob.health.Redact(run.Error), nil
	}
	if s := conf.Stack(run.Stack); run.Plan == nil || s != nil && s.PlanInSlack != "full" {
		return "", nil // who does not want plans in Slack does not want them here
	}
	text, err := ob.engines.PlanText(run.ID)
	return ob.health.Redact(text), err
}
