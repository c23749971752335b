package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/active"
	"sallyport/agent/config"
	"sallyport/agent/contain"
	"sallyport/agent/control"
	"sallyport/agent/health"
	"sallyport/agent/hint"
	"sallyport/agent/journal"
	"sallyport/agent/operator"
	"sallyport/agent/phrase"
	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/slack"
	"sallyport/notify/verbs"
	"sallyport/notify/words"
	"sallyport/store"
)

// forgotten is the answer to a command in the middle of which the agent died.
const forgotten = "I was stopped in the middle of this and do not know whether it was done. Look at status; if it was not done, say it again."

// Obey obeys, or answers, one message of the channel that begins with a mention of the bot. The answer's key is
// the message's ts, so that a message that is read twice is answered, and obeyed, once.
func (cs *Commands) Obey(ctx context.Context, conf *active.Config, self slack.Identity, channel string, m slack.Message) error {
	if m.User == self.UserID {
		return nil
	}
	c, ok := notify.ParseCommand(m.Text, self.UserID)
	mark, busy := obeyedKey(channel), obeyingKey(channel)
	var last, obeying string
	if err := cs.store.View(func(tx *store.Tx) (err error) {
		if last, _, err = mark.Get(tx); err == nil {
			obeying, _, err = busy.Get(tx)
		}
		return err
	}); err != nil {
		return err
	}
	if !ok {
		return cs.overhear(self, channel, last, m)
	}
	answer := func(r reply) error {
		r.text += notDone(c)
		n := cs.ledger.Note("command/"+channel+"/"+m.TS, r.text)
		n.Channel, n.Thread, n.Links = channel, m.TS, linksTo(r.about)
		return cs.journal.Update(func(tx *journal.Tx) error {
			return errors.Join(busy.Put(tx, ""), tx.Enqueue(n))
		})
	}
	if last != "" && !phrase.LaterTS(m.TS, last) {
		if obeying == m.TS {
			return answer(reply{text: forgotten})
		}
		return nil // answered before a crash that lost the cursor
	}
	said, may, err := cs.hearing(ctx, conf, self, m, c)
	if err != nil {
		return err // Slack cannot say who that is: asked again at the next turn
	}
	if may && c.Verb == "plan" && len(c.Args) > 0 && c.Plan.Commit == "" {
		cs.operator.Freshen(ctx, c.Args[0])
	}
	// From here on at most once: after a crash a command is not obeyed a second time, and who gave it is told so.
	if err := cs.journal.Write(func(tx *journal.Tx) error {
		return errors.Join(mark.Put(tx, m.TS), busy.Put(tx, m.TS))
	}); err != nil {
		return err
	}
	Seen(ctx, cs.log, conf, m)
	switch {
	case may && (c.Verb == "unlock" || c.Verb == "state push"):
		said.text = cs.repairFor(self, channel, m, c)
	case may:
		err := contain.Do("obeying "+c.Verb, func() error { said = cs.obey(ctx, conf, self, order{c, m, channel}); return nil })
		if cs.health.LogIfPanic(err); err != nil {
			said.text = cs.worded(self, "", err)
		}
	}
	return answer(said)
}

// notDone tells of a second command in one message: who wrote it must not take the answer to the first one for both.
func notDone(c notify.Command) string {
	if c.More == "" {
		return ""
	}
	return fmt.Sprintf("\nOne command a message; this was not done: `%s`", strings.ReplaceAll(words.Cut(redact.CleanLine(c.More), maxSaid), "`", "'"))
}

// GiveUp answers a command that cannot even be read, in its thread, and lets those after it be heard.
func (cs *Commands) GiveUp(channel string, m slack.Message, struck *health.StruckError) error {
	n := cs.ledger.Note("command/"+channel+"/"+m.TS, fmt.Sprintf("I cannot obey this: %s. Say it in a shell.", struck.Panic))
	n.Channel, n.Thread = channel, m.TS
	return cs.journal.Update(func(tx *journal.Tx) error {
		return errors.Join(obeyedKey(channel).Put(tx, m.TS), obeyingKey(channel).Put(tx, ""), tx.Enqueue(n))
	})
}

// hearing says whether somebody may say what they say, and what to answer if not. What cannot be meant is told anybody: it names
// nothing that status does not.
func (cs *Commands) hearing(ctx context.Context, conf *active.Config, self slack.Identity, m slack.Message, c notify.Command) (refusal reply, may bool, err error) {
	if why, human := m.Human(self); !human {
		return reply{text: words.Sentence("This did not count: " + why)}, false, nil
	}
	wrong, err := cs.misunderstood(conf, self, c)
	if err != nil || wrong.text != "" {
		return wrong, false, err
	}
	v, _, _ := verbs.Find(strings.Fields(c.Verb))
	if v.Who == verbs.Anybody {
		return reply{}, true, nil
	}
	why, err := conf.Directory.MayDecide(ctx, m.User, active.Approvers(conf.Cfg, stackOf(cs.store, conf, v, c)))
	if err != nil || why != "" {
		return reply{text: MayNot(conf, m.User, About{c.Verb, stackOf(cs.store, conf, v, c), nil}, why)}, false, err
	}
	return reply{}, true, nil
}

// obey does what somebody asks and returns the answer.
func (cs *Commands) obey(ctx context.Context, conf *active.Config, self slack.Identity, o order) reply {
	var r reply
	var err error
	switch o.Verb {
	case "status":
		r, err = cs.status(conf)
	case "help":
		r.text = helpFor(o.Args)
	case "show":
		r, err = cs.show(ctx, conf, self, o)
	case "runs":
		r, err = cs.runs(conf, o)
	case "why":
		r, err = cs.why(ctx, conf, o)
	default:
		r, err = cs.carryOut(o.Command, o.message)
	}
	r.text = cs.worded(self, r.text, err)
	return r
}

// worded is an answer, or in its place what went wrong and what to do about it: in Slack's words, since it is read there.
func (cs *Commands) worded(self slack.Identity, text string, err error) string {
	if err != nil {
		text = cs.health.Redact(err.Error())
		switch hint := hint.Of(err); {
		case strings.HasPrefix(hint, "did you mean"):
			text = words.Sentence(text) + " D" + hint[1:]
		case hint != "":
			text = words.Sentence(text) + " Next: " + hint
		default:
			text = words.Sentence(text)
		}
	}
	return verbs.InSlack(text, self.User)
}

// repairFor starts what takes terraform a while and returns the first answer; the second tells how it ended. Nobody else would
// be heard in between otherwise.
func (cs *Commands) repairFor(self slack.Identity, channel string, m slack.Message, c notify.Command) string {
	by := "slack:" + m.User
	var work func(context.Context) (string, error)
	switch {
	case c.Verb == "unlock":
		work = func(ctx context.Context) (string, error) { return cs.operator.Unlock(ctx, c.Args[0], c.Args[1], by) }
	default:
		work = func(ctx context.Context) (string, error) { return cs.operator.PushState(ctx, c.Args[0], by) }
	}
	cs.work.Aside(func(ctx context.Context) {
		var text string
		err := contain.Do("carrying out a command", func() (err error) { text, err = work(ctx); return err })
		cs.health.LogIfPanic(err)
		n := cs.ledger.Note("command/"+channel+"/"+m.TS+"/end", cs.worded(self, text, err))
		n.Channel, n.Thread = channel, m.TS
		if err := cs.journal.Update(func(tx *journal.Tx) error { return tx.Enqueue(n) }); err != nil {
			cs.journal.StoreFault(err)
		}
	})
	return "I am asking terraform; how it ends is told here."
}

// stackOf is the stack whose approvers may say a command; nil if those of the agent may.
func stackOf(st *store.Store, conf *active.Config, v verbs.Verb, c notify.Command) *config.Stack {
	if v.Who != verbs.OfStack || len(c.Args) == 0 {
		return nil
	}
	if v.Args[0].Kind != verbs.Run {
		return conf.Stack(c.Args[0])
	}
	run, err := control.FindRun(st, c.Args[0])
	if err != nil {
		return nil // it is refused right after this
	}
	return conf.Stack(run.Stack)
}

// About is what somebody wanted to do, and of which stack; nil for the agent.
type About struct {
	Verb  string
	Stack *config.Stack
	Run   *store.Run // whose approval that is; nil for anything else
}

// maxCan is how many are named who may do what somebody may not.
const maxCan = 5

// MayNot tells somebody that what they said did not count, and who can say it.
func MayNot(conf *active.Config, user string, a About, why string) string {
	if !strings.HasPrefix(why, active.NoApprover) {
		return words.Sentence("This did not count: " + why)
	}
	what, run := a.Verb, a.Run
	stack := &config.Stack{AllowSelfApproval: true} // with the agent's approvers
	if a.Stack != nil {
		what += " " + a.Stack.Name
		copied := *a.Stack
		stack = &copied
	}
	if run == nil || a.Verb != string(store.Approve) {
		run, stack.AllowSelfApproval = &store.Run{}, true // who made it may do anything else
	}
	text := fmt.Sprintf("slack:%s, your %s did not count: you may not %s, since %s.", user, a.Verb, what, why)
	can := conf.WaitsFor(run, stack)
	if more := len(can) - maxCan; more > 0 {
		can = append(can[:maxCan:maxCan], words.Count(more, "other"))
	}
	if len(can) > 0 {
		text += " " + words.Or(can) + " can."
	}
	return text
}

func (cs *Commands) carryOut(c notify.Command, m slack.Message) (reply, error) {
	by, asked := "slack:"+m.User, &store.Asked{Channel: m.Channel, TS: m.TS}
	arg := func(i int) string {
		if i < len(c.Args) {
			return c.Args[i]
		}
		return ""
	}
	switch c.Verb {
	case "plan", "recover":
		if c.Plan.Wrong != "" {
			return reply{}, control.Errorf(control.Usage, "%s", c.Plan.Wrong)
		}
		wish := operator.PlanWish{Commit: c.Plan.Commit, Replace: c.Plan.Replace, Targets: c.Plan.Targets, RefreshOnly: c.Plan.RefreshOnly, Destroy: c.Plan.Destroy, EmptyState: c.Plan.EmptyState, Vars: c.Plan.Vars, Images: c.Plan.Images}
		if pull := ofPull.FindStringSubmatch(c.Reason); pull != nil && c.Verb == "plan" {
			text, err := previewFor(cs.operator, operator.WantedPreview{Stack: arg(0), Commit: c.Plan.Commit, Wish: wish, By: by, Asked: asked}, pull[1])
			return reply{text: text}, err
		}
		run, warnings, err := cs.operator.Start(operator.Request{
			Stack: arg(0), Reason: c.Reason, By: by, Asked: asked, Applied: c.Verb == "recover",
			Wish: wish,
		})
		if err != nil {
			return reply{}, err
		}
		return reply{text: strings.Join(append([]string{fmt.Sprintf("#%d: planning %s.", run.ID, run.Stack)}, warnings...), " Note: ")}, nil
	case "cancel":
		run, err := control.FindRun(cs.store, arg(0))
		if err != nil {
			return reply{}, err
		}
		_, text, err := cs.operator.Cancel(run.ID, by)
		return reply{text, []*store.Run{run}}, err
	case "pause":
		text, err := cs.pause(cs.operator.Held(arg(0)), c.Reason, by)
		return reply{text: text}, err
	case "resume":
		text, err := cs.resume(cs.operator.Held(arg(0)), by)
		return reply{text: text}, err
	case "accept":
		if err := cs.operator.Accept(arg(0), arg(1), by); err != nil {
			return reply{}, err
		}
		return reply{text: "Taken."}, nil
	}
	return reply{}, control.Errorf(control.Usage, "%s is not a word I know here", c.Verb)
}
