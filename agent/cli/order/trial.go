package order

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/render"
	"sallyport/agent/control"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// trialFlags have every stack planned with another terraform, in the place of a run.
type trialFlags struct {
	all             bool
	terraform, tofu string
}

func (f *trialFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.all, "all", false, "plan every stack with the terraform that --terraform or --tofu names, beside a plan with the configured one;\n"+
		"nothing of it can be approved")
	flags.StringVar(&f.terraform, "terraform", "", "with --all: an exact `version` of Terraform, which is installed if the agent's PATH has none")
	flags.StringVar(&f.tofu, "tofu", "", "with --all: an exact `version` of OpenTofu that the agent's PATH has, like tofu-1.10.0")
}

// wanted reports whether a trial is asked for.
func (f *trialFlags) wanted() bool { return f.all || f.terraform != "" || f.tofu != "" }

const trialHint = "sallyport plan --all --terraform 1.15.1"

// request is what is asked for; other options and arguments mean a run.
func (f *trialFlags) request(c *cobra.Command, args []string) (control.TrialRequest, error) {
	var r control.TrialRequest
	other := ""
	c.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && flag.Name != "all" && flag.Name != "terraform" && flag.Name != "tofu" {
			other = "--" + flag.Name
		}
	})
	switch {
	case !f.all:
		return r, call.Usage("--terraform and --tofu are for trials on all stacks", trialHint)
	case len(args) > 0:
		return r, call.Usage(fmt.Sprintf("--all plans every stack, and %q is one", redact.CleanLine(args[0])), trialHint)
	case other != "":
		return r, call.Usage(other+" is for the run of one stack; --all makes none", trialHint)
	case (f.terraform == "") == (f.tofu == ""):
		return r, call.Usage("--all tries one other terraform: say which", trialHint+", or --tofu with its version")
	case f.tofu != "":
		return control.TrialRequest{Engine: "tofu", Version: f.tofu}, nil
	}
	return control.TrialRequest{Engine: "terraform", Version: f.terraform}, nil
}

// try has a trial made. It ends with exit code 0 only if every plan is the same.
func try(ctx context.Context, s *call.Streams, at *call.Installation, r control.TrialRequest) error {
	client, err := at.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	t := render.NewTrial()
	err = client.Trial(ctx, r, func(news control.TrialNews) error {
		t.Take(news)
		if res := news.Result; res != nil {
			s.Talk("%s: %s (%d of %d)", res.Stack, render.OutcomeWord(res.Outcome), len(t.Stacks), t.Total)
		} else {
			s.Talk("planning %s twice, with %s (%s) and with what is configured; nothing of it can be approved", words.Count(news.Stacks, "stack"), news.Tool, news.Path)
		}
		return nil
	})
	if t.Total == 0 && err != nil {
		return err
	}
	t.Close(err == nil)
	if s.JSON {
		if shown := s.WriteJSON(t); shown != nil {
			return shown
		}
	} else if shown := s.Write(render.Width(s.Wide()).Trial(t)); shown != nil {
		return shown
	}
	if err == nil && t.Same < t.Total {
		return call.ExitCode(call.ExitFailed)
	}
	return err
}
