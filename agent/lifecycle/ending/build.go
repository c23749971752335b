package ending

import (
	"fmt"
	"strings"

	"sallyport/notify/words"
	"sallyport/store"
)

// OfBuild is how packer's build ended, and what it made. made names the artifacts for people, and cause the reason why packer failed
// in its own words.
func OfBuild(f Facts, made, cause string) Ending {
	end := ofBuild(f, cause)
	end.Artifacts = f.Artifacts
	if len(f.Artifacts) > 0 && end.To != store.Applied {
		end.Text += "\nIt has made, and nothing uses: " + made
	}
	return end
}

func ofBuild(f Facts, cause string) Ending {
	const left = "look at what was begun and not completed, it may be left over (machines, key pairs, security groups); nothing is repeated by itself"
	run, result := f.Run, f.Result
	soFar := words.Of(f.Done, max(f.Total, len(run.Plan.Changes)), "builder") + " came to their end"
	if len(f.Open) > 0 {
		soFar += "; begun and not completed: " + words.List(f.Open, 20)
	}
	switch {
	case result == nil && !f.Started, result != nil && result.Orphaned:
		return Ending{To: store.Interrupted, Text: "the agent stopped between the decision to build and the start; packer was not seen to run" + f.Runner}
	case result == nil:
		return Ending{To: store.Interrupted, Text: "nobody saw the end of the build: " + soFar + f.Runner, Hint: left}
	case result.Refused != "":
		return Ending{To: store.Errored, Text: "the build was refused and packer did not run: " + result.Refused, Hint: "sallyport plan " + run.Stack}
	case result.Signal != "":
		return Ending{To: store.Interrupted, Text: fmt.Sprintf("packer was killed (%s) in the middle of the build: %s", result.Signal, soFar), Hint: left}
	case result.ExitCode == 0 && len(f.Artifacts) == 0:
		return Ending{To: store.Errored, Text: "packer ended well and named no artifact, so there is nothing that a stack could run on",
			Hint: fmt.Sprintf("see sallyport show %d --log; a post-processor may have thrown it away", run.ID)}
	case result.ExitCode == 0:
		return Ending{To: store.Applied}
	}
	text, hint := f.Errors, "mend the cause, then: sallyport plan "+run.Stack
	if text == "" {
		text = fmt.Sprintf("packer ended with exit code %d%s", result.ExitCode, f.LastWords)
		hint = fmt.Sprintf("see sallyport show %d --log; %s", run.ID, hint)
	} else if !strings.HasPrefix(text, cause) {
		text = cause + "\n" + text
	}
	if len(f.Open) > 0 {
		text += "\nBegun and not completed: " + words.List(f.Open, 20)
	}
	return Ending{To: store.Errored, Text: text, Hint: hint}
}
