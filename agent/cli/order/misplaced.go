package order

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sallyport/agent/cli/call"
	"sallyport/agent/control"
	"sallyport/agent/control/socket"
	"sallyport/notify/redact"
	"sallyport/notify/words"
	"sallyport/store"
)

// misplaced tells who decides and names no run in the place of one what they may have meant: the words of a decision come after the run,
// and names have slips. cause is what stands otherwise.
func misplaced(ctx context.Context, client *socket.Client, d decision, cause error) error {
	var answer *control.Error
	if !errors.As(cause, &answer) || answer.Kind != control.NotFound && answer.Kind != control.Usage {
		return cause
	}
	s, err := client.Status(ctx)
	if err != nil {
		return cause
	}
	ref := d.request.Ref
	var stacks, waiting []string
	for _, st := range s.Stacks {
		stacks = append(stacks, st.Name)
		if st.Run != nil && st.Run.Status == store.Planned {
			waiting = append(waiting, runRef(st.Run.ID))
		}
	}
	if slices.Contains(stacks, ref) {
		return cause
	}
	if word := strings.ToLower(ref); word != "destroy" && word != string(store.Approve) && word != string(store.Deny) {
		if like := words.Like(ref, stacks); len(like) > 0 && !strings.HasPrefix(answer.Hint, "did you mean") {
			return answer.WithHint("did you mean %s? %s", words.Or(like), answer.Hint)
		}
		return cause
	}
	var said []string // what follows the run
	for _, word := range append([]string{ref}, d.words...) {
		if strings.EqualFold(word, string(d.verdict)) {
			continue
		}
		said = append(said, redact.CleanLine(word))
	}
	line := func(run string) string {
		return strings.TrimSpace(fmt.Sprintf("sallyport %s %s %s", d.verdict, run, strings.Join(said, " ")))
	}
	why := fmt.Sprintf("%q is not a run: the run comes first, then the words", redact.CleanLine(ref))
	switch len(waiting) {
	case 0:
		return call.Usage(why, "no run waits now; sallyport status")
	case 1:
		return call.Usage(why, line(waiting[0]))
	}
	return call.Usage(why, line("RUN")+"; these wait: #"+strings.Join(waiting, ", #"))
}
