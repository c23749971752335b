package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/agent/demo/cloud"
	"sallyport/store"
)

// story is the demo under way.
type story struct {
	*screen
	stage   *stage
	agent   *backstage
	client  *socket.Client
	answers *answers

	settled string // the infrastructure's file as it was last applied; empty: never
}

// scene is a part of the story that can be told alone.
type scene struct {
	title string
	tell  func(*story, context.Context) error
}

func scenes() []scene {
	return []scene{
		{"A commit is planned, approved and applied", (*story).commit},
		{"3 a.m.: the node is gone", (*story).disaster},
		{"kill -9, in the middle of an apply", (*story).killed},
		{"The power fails, in the middle of an apply", (*story).powerFails},
		{"A volume that a careless approve does not take", (*story).protected},
		{"A pull request, before the merge", (*story).preview},
	}
}

// Titles are those of the scenes, the first one's number being 1.
func Titles() []string {
	var titles []string
	for _, s := range scenes() {
		titles = append(titles, s.title)
	}
	return titles
}

const data = "42 repositories, 3 years of reviews"

// tell tells scenes, by their numbers.
func (t *story) tell(ctx context.Context, numbers []int) error {
	t.say(
		t.paint(bold, "Sallyport demo: a commit, a plan, a person, an apply. And what goes wrong."),
		"",
		"Real are git, terraform, the agent (a process of its own), its socket and its",
		"command line; what stands behind a bar is what they say. Stand-ins, on this",
		"machine: Slack and GitHub are two small servers, and the cloud is a directory,",
		"with a terraform provider that is built into sallyport.",
		"You are Kim, who may approve. Jane writes the infrastructure.",
		"",
		"The agent polls git once a second. Its configuration, and all the rest:",
		"  "+t.stage.dir,
	)
	for _, number := range numbers {
		s := scenes()[number-1]
		err := t.pause(ctx, number, s.title)
		if err == nil {
			t.act(number, s.title)
			err = s.tell(t, ctx)
		}
		if errors.Is(err, errSkipped) {
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if len(numbers) == len(scenes()) {
		t.moral()
	}
	return nil
}

// pause lets a person at a terminal read before the next scene begins, or pass it over.
func (t *story) pause(ctx context.Context, number int, title string) error {
	if !t.answers.paced() {
		return nil
	}
	t.gap()
	answer, err := t.ask(ctx, fmt.Sprintf("Enter: %d. %s (s: skip it, q: end)", number, title), "")
	switch {
	case err != nil:
		return err
	case strings.EqualFold(answer, "s"):
		return errSkipped
	case strings.EqualFold(answer, "q"):
		return errLeft
	}
	return nil
}

// commit is the first commit, from nothing.
func (t *story) commit(ctx context.Context) error {
	t.say("Jane has pushed a code-hosting node with a fixed private address, and a data",
		"volume of its own. The agent has seen the commit and made a plan.", "")
	run, err := t.runFor(ctx, t.stage.first)
	if err != nil {
		return err
	}
	if err := t.see(ctx, run); err != nil {
		return err
	}
	return t.settle()
}

// settle notes what is applied now, and lets people work.
func (t *story) settle() error {
	tf, err := t.stage.infrastructureNow()
	if err != nil {
		return err
	}
	t.settled = tf
	if stored, err := t.stage.cloud.Stored(); err != nil || stored != "" {
		return err
	}
	return t.stage.cloud.Store(data)
}

// standing sees to it that a scene finds the stack applied and nothing that waits, whatever the one before it has left.
func (t *story) standing(ctx context.Context) error {
	if t.settled == "" {
		t.say("(What scene 1 tells is done, without telling it.)", "")
		run, err := t.runFor(ctx, t.stage.first)
		if err == nil && run.Status == store.Discarded {
			run, err = t.start(ctx, control.StartRequest{Reason: "for the next scene"})
		}
		if err != nil {
			return err
		}
		return t.quietly(ctx, run)
	}
	if err := t.settleOpen(ctx); err != nil {
		return err
	}
	if tf, err := t.stage.infrastructureNow(); err != nil {
		return err
	} else if tf != t.settled { // what is as it was applied makes no run
		if _, err := t.stage.commit("Take it back", map[string]string{tfFile: t.settled}); err != nil {
			return err
		}
	}
	if nodes, err := t.stage.cloud.IDs(cloud.Node); err != nil || len(nodes) == 1 {
		return err
	}
	run, err := t.start(ctx, control.StartRequest{Reason: "for the next scene"})
	if err != nil {
		return err
	}
	return t.quietly(ctx, run)
}

// quietly approves what a scene needs to begin with.
func (t *story) quietly(ctx context.Context, run control.Run) error {
	run, err := t.waiting(ctx, run)
	if err != nil {
		return err
	}
	if _, err = t.client.Decide(ctx, control.DecideRequest{Ref: fmt.Sprint(run.ID), Words: "approve", Digest: run.Plan.Digest}); err != nil {
		return err
	}
	if _, err = t.ended(ctx, run); err != nil {
		return err
	}
	return t.settle()
}

// settleOpen denies what a scene that was skipped has left open.
func (t *story) settleOpen(ctx context.Context) error {
	runs, err := t.client.Runs(ctx, control.RunsQuery{})
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.Status == store.Planned && run.Stack == stackName {
			if _, err := t.client.Decide(ctx, control.DecideRequest{Ref: fmt.Sprint(run.ID), Words: "deny", Digest: run.Plan.Digest}); err != nil {
				return err
			}
		}
	}
	return nil
}

// disaster is why Sallyport exists.
func (t *story) disaster(ctx context.Context) error {
	if err := t.standing(ctx); err != nil {
		return err
	}
	if err := t.stage.cloud.LoseNode(); err != nil {
		return fmt.Errorf("losing the node: %w", err)
	}
	t.say("The node has vanished from the cloud; the volume is left. Kim needs one line, in",
		"a shell or to the bot:", "")
	if err := t.types(ctx, "", "recover", stackName, "--reason", "the node is gone"); err != nil {
		return err
	}
	run, err := t.newest(ctx, "that recovers", func(r control.Run) bool { return r.Kind == store.KindManual && !r.Status.Terminal() })
	if err != nil {
		return err
	}
	if err := t.see(ctx, run); err != nil {
		return err
	}
	nodes, err1 := t.stage.cloud.IDs(cloud.Node)
	stored, err2 := t.stage.cloud.Stored()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if len(nodes) != 1 || stored != data {
		return fmt.Errorf("the number of nodes is %d, and the volume holds %q", len(nodes), stored)
	}
	t.say("The node is back. The volume still holds " + stored + ".")
	return nil
}

// types shows a call of the command line, makes it and shows what it prints, up to the heading of what is left out; empty: all.
func (t *story) types(ctx context.Context, until string, args ...string) error {
	line := "sallyport"
	for _, a := range args {
		if strings.Contains(a, " ") {
			a = `"` + a + `"`
		}
		line += " " + a
	}
	t.command(line)
	text, err := t.agent.run(ctx, args...)
	if err != nil {
		return err
	}
	if shown, _, cut := strings.Cut(text, "\n"+until+"\n"); cut {
		text = strings.TrimRight(shown, "\n") + "\n..."
	}
	t.quote(text, asItIs)
	return nil
}

// moral is what is left to say after all scenes.
func (t *story) moral() {
	t.gap()
	t.say(
		t.paint(bold, "What you saw"),
		"  - Nothing of sallyport listened but a unix socket; it pulled, and asked.",
		"  - What ran is what was approved: one saved plan, known by its SHA-256.",
		"  - Applies run in a process of their own, which a dying agent leaves alone.",
		"  - What replaces or destroys needs the word destroy. What is protected, like",
		"    the volume, has to be named as well.",
		"",
		t.paint(bold, "Next"),
		"  - ./install.sh puts it on a bastion, with a sample configuration.",
		"  - sallyport check reads your configuration; sallyport doctor tries git,",
		"    Slack and terraform before the first commit does.",
	)
}
