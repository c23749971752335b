package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/demo/cloud"
	"sallyport/store"
)

// story is the demo under way.
type story struct {
	*screen
	stage   *stage
	agent   *backstage
	client  *control.Client
	answers *answers
}

const (
	firstType  = "m5.large"
	secondType = "m5.xlarge"
	data       = "42 repositories, 3 years of reviews"
)

func (t *story) tell(ctx context.Context) error {
	t.say(
		t.paint(bold, "Sallyport demo: a commit, a plan, a person, an apply. Then a disaster."),
		"",
		"Git, terraform, the agent and its socket are real. Two things are not: the",
		"cloud is a directory, with a terraform provider that is built into sallyport,",
		"and what Slack would show is printed here.",
		"This is the configuration ("+t.stage.path("sallyport.hcl")+"):",
	)
	t.quote(t.stage.text, inFile)
	t.say("The agent runs on it and polls the repository once a second.")
	for _, act := range []func(context.Context) error{t.first, t.change, t.disaster, t.proof} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	t.moral()
	return nil
}

// first is the first commit, from nothing.
func (t *story) first(ctx context.Context) error {
	t.act(1, "A first commit")
	t.say("Jane has committed a code-hosting node with a fixed private address, and a",
		"data volume of its own. The agent has never applied this, so it plans it.")
	if err := t.seeCommit(ctx, t.stage.first); err != nil {
		return err
	}
	if err := t.stage.cloud.Store(data); err != nil {
		return err
	}
	t.say("The node is up, and people use it. The volume now holds:", "  "+data)
	return nil
}

// change is an ordinary change.
func (t *story) change(ctx context.Context) error {
	t.act(2, "A change")
	t.say("The node is too small. Jane commits a bigger type: " + firstType + " becomes " + secondType + ".")
	commit, err := t.stage.edit("Give the node more memory", firstType, secondType)
	if err != nil {
		return err
	}
	return t.seeCommit(ctx, commit)
}

// seeCommit sees the run of a commit through.
func (t *story) seeCommit(ctx context.Context, commit string) error {
	run, err := t.runFor(ctx, commit)
	if err != nil {
		return err
	}
	return t.see(ctx, run)
}

// disaster is why Sallyport exists.
func (t *story) disaster(ctx context.Context) error {
	t.act(3, "3 a.m.: the node is gone")
	if err := t.stage.cloud.LoseNode(); err != nil {
		return fmt.Errorf("losing the node: %w", err)
	}
	t.say("The node has vanished from the cloud, and terraform was not asked. Whoever is on",
		"call needs one line, in a shell or to the bot in Slack:", "")
	t.command("sallyport recover " + stackName + ` --reason "the node is gone"`)
	run, err := t.start(ctx, control.StartRequest{Applied: true, Reason: "the node is gone"})
	if err != nil {
		return err
	}
	if err := t.see(ctx, run); err != nil {
		return err
	}
	nodes, err := t.stage.cloud.IDs(cloud.Node)
	if err == nil && len(nodes) != 1 {
		err = errors.New("the node is not back")
	}
	return err
}

// proof shows that it is over.
func (t *story) proof(ctx context.Context) error {
	t.act(4, "Is it whole again?")
	stored, err := t.stage.cloud.Stored()
	if err != nil {
		return err
	}
	if !strings.Contains(stored, data) {
		return fmt.Errorf("the volume has lost its data: %q", stored)
	}
	t.say("The volume still holds: "+data+".", "One more plan, to see that nothing is left to do:", "")
	t.command("sallyport plan " + stackName)
	run, err := t.start(ctx, control.StartRequest{Reason: "is anything left to do?"})
	if err != nil {
		return err
	}
	if run, err = t.follow(ctx, run, func(r control.Run) bool { return r.Status.Terminal() || r.Status == store.Planned }); err != nil {
		return err
	}
	if run.Status != store.NoChanges {
		return fmt.Errorf("the last plan should be empty, and #%d is %s", run.ID, run.Status)
	}
	t.say("", fmt.Sprintf("Run #%d ended as %s: the plan is empty. Nobody is asked for that.", run.ID, run.Status))
	return nil
}

func (t *story) moral() {
	t.gap()
	t.say(
		t.paint(bold, "What you saw"),
		"  - Nothing listened but a unix socket; the agent pulled, and asked.",
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
