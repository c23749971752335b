package order

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/notify"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

func newApproveCommand(a *call.Call) *cobra.Command {
	r, wait := control.DecideRequest{}, false
	c := &cobra.Command{
		Use:   "approve RUN [WORDS...] [--digest SHA256] [--break-glass --reason TEXT] [--wait]",
		Short: "Agree to a run's plan",
		Long: "Agree to a run's plan. A plan that destroys or replaces something wants the word destroy; protected addresses have to\n" +
			"be named, by address or by their number in `sallyport show RUN`:\n\n" +
			"  sallyport approve 12\n  sallyport approve 12 destroy\n  sallyport approve 12 destroy 2 aws_ebs_volume.data\n\n" +
			"RUN is the number that was looked at, and means the plan that waits when the command starts; --digest is the digest of the\n" +
			"plan that was read (`sallyport show RUN --json`), or its first 12 digits or more. A stack's name is for a terminal, where\n" +
			"the run is shown first.\n\n" +
			"--break-glass stands for all approvals, for those whom break_glass of the stack names. Everybody is told, and the run stays\n" +
			"marked until somebody else says `sallyport review RUN`.\n\n" +
			"--wait follows the run to its end, other approvals that it needs included, and exits 0 only if it is applied then.",
		Args: call.Between(1, call.Unlimited),
		RunE: func(c *cobra.Command, args []string) error {
			if r.BreakGlass != (r.Reason != "") {
				return call.Usage("--break-glass and --reason TEXT go together", "an ordinary approval needs no reason")
			}
			r.Ref = args[0]
			ctx, stop := call.Interruptible(c)
			defer stop()
			return decide(ctx, a.Streams, a.At, decision{store.Approve, r, args[1:], wait})
		},
	}
	c.Flags().StringVar(&r.Digest, "digest", "", digestUsage)
	c.Flags().BoolVar(&r.BreakGlass, "break-glass", false, "stand for all approvals, in an emergency")
	c.Flags().StringVar(&r.Reason, "reason", "", "why the glass is broken, for the others")
	c.Flags().BoolVar(&wait, "wait", false, "follow the run to its end")
	return c
}

// acted is the result of approve, deny and cancel for machines: the run, and what happened.
type acted struct {
	control.Run
	Message string `json:"message"`
}

const digestUsage = "refuse unless this plan waits: its `sha256`, or the first digits of it"

// decision is what somebody says about a run.
type decision struct {
	verdict store.Verdict
	request control.DecideRequest
	words   []string // behind the verdict
	wait    bool     // follow the run to its end
}

func decide(ctx context.Context, s *call.Streams, at *call.Installation, d decision) error {
	r := d.request
	if n := len(r.Digest); n > 0 && n < control.MinDigest {
		return call.Usage("--digest "+redact.CleanLine(r.Digest)+" is too short", fmt.Sprintf("give at least %d digits of it", control.MinDigest))
	}
	client, err := at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	run, err := client.Run(ctx, r.Ref)
	if err != nil {
		return misplaced(ctx, client, d, err)
	}
	if !control.Numbered(r.Ref) {
		if run.Status.Terminal() {
			return control.NoOpenRun(r.Ref) // show takes the name for the newest run then; a decision must not
		}
		if err := enough(d, run); err != nil && s.Asks() {
			return err
		}
		if err := meant(s, d.verdict, run); err != nil {
			return err
		}
	}
	// What is decided about is the plan that waits now, not what may wait when the agent hears of it.
	r.Ref = runRef(run.ID)
	switch {
	case r.Digest != "":
	case run.Plan == nil:
		r.Digest = control.UnplannedDigest
	default:
		r.Digest = run.Plan.Digest
	}
	r.Words = strings.Join(append([]string{string(d.verdict)}, d.words...), " ")
	done, err := client.Decide(ctx, r)
	if err != nil {
		return err
	}
	switch {
	case !s.JSON:
		err = s.Say("%s", redact.Clean(done.Message))
	case !d.wait: // else the run is the result, as it ended
		err = s.WriteJSON(acted{done.Run, done.Message})
	}
	if err != nil || !d.wait {
		return err
	}
	return waitFor(ctx, s, client, run.ID)
}

// enough refuses words that the agent would refuse, before somebody is asked whether they mean them.
func enough(d decision, run control.Run) error {
	if run.Status != store.Planned {
		return nil // the agent says what is in the way
	}
	said, ok, complaint := notify.ParseDecision(strings.Join(append([]string{string(d.verdict)}, d.words...), " "))
	line := run.Decisive()
	if !ok {
		why, _, _ := strings.Cut(complaint, ". Reply")
		hint := "if you mean it: " + line
		if len(d.words) > 0 && !strings.EqualFold(d.words[0], "destroy") && len(words.Like(d.words[0], []string{"destroy"})) > 0 {
			hint = "did you mean destroy? " + line
		}
		return call.Usage(redact.CleanLine(why), hint)
	}
	if said.Verdict == store.Approve && !said.Destroy && strings.Contains(line+" ", " destroy ") {
		return control.Errorf(control.Refused, "#%d destroys something, or something that must be named, so a plain approve is not enough", run.ID).
			WithHint("look at it (sallyport show %d), and if you mean it: %s", run.ID, line)
	}
	return nil
}

// meant shows the run that a stack's name stands for now, and asks: a newer one may have taken the place of the one that was
// read. A script names the run.
func meant(s *call.Streams, verdict store.Verdict, run control.Run) error {
	if !s.Asks() {
		return call.Usage(fmt.Sprintf("%s takes a run's number where nobody is at a terminal; that of %s is #%d now", verdict, run.Stack, run.ID),
			fmt.Sprintf("look at it (sallyport show %d), then: sallyport %s %d", run.ID, verdict, run.ID))
	}
	if run.Plan == nil {
		return nil // the agent says why there is nothing to decide yet
	}
	run = run.Called()
	s.Talk("%s %s: %s\n  commit %s %s\n  plan   %s", render.RunName(run), run.Stack, render.Counts(run.Plan), run.Commit, render.About(run), run.Plan.Digest)
	_, _ = io.WriteString(s.Err, render.HookWarnings(run)+render.Dangers(run.Plan)) // cleaned, and coloured
	if a := run.Approvals; a.Worth() {
		s.Talk("  has    %s", a)
	}
	typed, err := s.Ask(fmt.Sprintf("%s %s? Type yes or no: ", verdict, render.RunName(run)))
	if err != nil || !slices.Contains([]string{"y", "yes"}, strings.ToLower(typed)) {
		return control.Errorf(control.Refused, "not confirmed; nothing was done")
	}
	return nil
}
