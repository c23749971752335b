package follow

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"sallyport/agent/control"
	"sallyport/agent/control/socket"
)

// Texts are where the texts of a run are read: from the agent, or from its data directory.
type Texts interface {
	PlanText(ctx context.Context, ref string) (string, error)
	Log(ctx context.Context, ref string) (string, error)
}

// Said is what terraform has said of a run so far: its plan, then what it said while it applied, or why it could not plan. With an
// error comes what was read before it.
func Said(ctx context.Context, from Texts, run control.Run) (string, error) {
	ref := strconv.Itoa(run.ID)
	var parts []string
	if run.Plan != nil {
		if err := add(&parts)(from.PlanText(ctx, ref)); err != nil {
			return "", err
		}
	}
	switch {
	case run.Apply != nil:
		if err := add(&parts)(from.Log(ctx, ref)); err != nil {
			return joined(parts), err
		}
	case run.Error != "" && run.Status.Terminal():
		parts = append(parts, run.Error)
	}
	return joined(parts), nil
}

func joined(parts []string) string {
	for i := range parts {
		parts[i] = strings.TrimRight(parts[i], "\n") + "\n"
	}
	return strings.Join(parts, "\n")
}

// add takes a text that is there; one that is kept no more, or not yet, is none.
func add(parts *[]string) func(string, error) error {
	return func(text string, err error) error {
		var answer *control.Error
		if errors.As(err, &answer) && answer.Kind == control.NotFound {
			return nil
		}
		if err == nil && strings.TrimSpace(text) != "" {
			*parts = append(*parts, text)
		}
		return err
	}
}

// Log prints what terraform says of a run, as that grows, until the run has ended. It returns how the run ended, and all that was said.
func (f *Follower) Log(ctx context.Context, ref string) (run control.Run, said string, err error) {
	run, err = f.Client.Run(ctx, ref)
	if err != nil {
		return run, "", err
	}
	told, id := "", run.ID // an answer that failed names no run
	for err == nil {
		now, textErr := Said(ctx, f.Client, run)
		if textErr != nil && (ctx.Err() != nil || !errors.Is(textErr, socket.ErrNoAgent)) { // the agent is waited for below
			return run, said, f.stopped(ctx, id, textErr)
		}
		if textErr == nil {
			if err := f.Print(grown(said, now)); err != nil {
				return run, said, err
			}
			said = now
		}
		told = f.tell(run, told)
		if run.Status.Terminal() && textErr == nil {
			return run, said, nil
		}
		most := longWait
		if run.Apply != nil {
			most = logWait
		}
		run, err = f.wait(ctx, run, most)
	}
	return run, said, f.stopped(ctx, id, err)
}

// grown is what a text has more than before. Where it does not begin as it did, which a value does that is known as a secret only
// since, whole lines are printed again from the first that differs.
func grown(before, now string) string {
	if rest, ok := strings.CutPrefix(now, before); ok {
		return rest
	}
	same := 0
	for same < len(before) && same < len(now) && before[same] == now[same] {
		same++
	}
	return now[strings.LastIndexByte(now[:same], '\n')+1:]
}
