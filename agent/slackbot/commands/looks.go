package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/announce"
	"sallyport/agent/control"
	"sallyport/agent/journal"
	"sallyport/notify"
	"sallyport/notify/slack"
	"sallyport/notify/words"
	"sallyport/store"
)

// What somebody is shown who only looks. Anybody in the channel may: the cards stand there as well.

// reply is an answer, with the runs to whose messages it leads.
type reply struct {
	text  string
	about []*store.Run
}

// order is a command as it was said.
type order struct {
	notify.Command
	message slack.Message
	channel string
}

const (
	shownRuns  = 10 // of runs
	shownLines = 10 // of a plan, of files
)

// linksTo leads to the messages of runs, as far as they have some.
func linksTo(runs []*store.Run) []store.Link {
	var links []store.Link
	for _, run := range runs {
		if run.Card != nil && run.Card.Permalink != "" {
			links = append(links, store.Link{Text: fmt.Sprintf("#%d %s", run.ID, notify.StackName(run.Stack)), URL: run.Card.Permalink})
		}
	}
	return links
}

// status is the answer to `status`, with the runs that are open.
func (cs *Commands) status(conf *active.Config) (reply, error) {
	g, err := cs.viewer.Glance(conf)
	if err != nil {
		return reply{}, err
	}
	r := reply{text: g.Slack()}
	err = cs.store.View(func(tx *store.Tx) (err error) {
		r.about, err = tx.OpenRuns()
		return err
	})
	return r, err
}

// show is one run in short, and where it is decided about.
func (cs *Commands) show(ctx context.Context, conf *active.Config, self slack.Identity, o order) (reply, error) {
	run, err := control.FindShown(cs.store, o.Args[0])
	if err != nil {
		return reply{}, err
	}
	card := cs.outbox.Card(conf, run)
	if home, err := conf.Directory.Channel(ctx, active.ChannelOf(conf.Cfg, conf.Stack(run.Stack))); err != nil || home != o.channel {
		card.ShowAddresses = false // they are for those in the stack's own channel
	}
	given, err := cs.giveMessage(run)
	if err != nil {
		return reply{}, err
	}
	text := card.Short(shownLines)
	if given {
		text += "\nIt gets a message of its own, to reply to."
	}
	return reply{text, []*store.Run{run}}, nil
}

// giveMessage gives a run a message of its own that has none because many stacks drifted: without it nobody could decide here.
func (cs *Commands) giveMessage(run *store.Run) (given bool, err error) {
	if run.Overview == "" || !announce.Alone(run) {
		return false, nil
	}
	err = cs.journal.Update(func(tx *journal.Tx) error {
		now, err := tx.Run(run.ID)
		if err == nil {
			given, err = cs.ledger.GiveMessage(tx.Tx, now)
		}
		return err
	})
	return given, err
}

// runs are the newest runs, of one stack or of all, a line each.
func (cs *Commands) runs(conf *active.Config, o order) (reply, error) {
	q := control.RunsQuery{Limit: shownRuns}
	if len(o.Args) > 0 {
		q.Stack = o.Args[0]
	}
	list, err := control.RunsIn(cs.store, q, control.Shown{Stacks: active.StackNames(conf)})
	if err != nil {
		return reply{}, err
	}
	var r reply
	var lines []string
	now := cs.now()
	err = cs.store.View(func(tx *store.Tx) error {
		for _, shown := range list {
			run, err := tx.Run(shown.ID)
			if err != nil {
				return err
			}
			card := cs.outbox.Card(conf, run)
			card.ShowAddresses = false // nor what an error says of them
			line := card.Line()
			if run.Status.Terminal() && !run.EndedAt.IsZero() {
				line += ", " + words.Age(max(0, now.Sub(run.EndedAt))) + " ago"
			}
			lines, r.about = append(lines, line), append(r.about, run)
		}
		return nil
	})
	if r.text = strings.Join(lines, "\n"); len(lines) == 0 {
		r.text = "There was no run yet."
	}
	return r, err
}

// why says which file made the newest run of a stack, or why there is none.
func (cs *Commands) why(ctx context.Context, conf *active.Config, o order) (reply, error) {
	why, err := cs.viewer.Why(ctx, conf, o.Args[0])
	if err != nil {
		return reply{}, err
	}
	lines := slices.Clone(why.Because)
	if len(why.Touched) > 0 {
		lines = append(lines, "Its files that changed: "+words.List(why.Touched, shownLines))
	}
	r := reply{text: strings.Join(lines, "\n")}
	if why.Run != nil {
		err = cs.store.View(func(tx *store.Tx) error {
			run, err := tx.Run(why.Run.ID)
			r.about = append(r.about, run)
			return err
		})
	}
	return r, err
}
