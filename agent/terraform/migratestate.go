package terraform

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/keptstate"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// Bringing a state from one place to another is done in parts, each with terraform in a directory of its own: [StateFrom] or
// [keptstate.Read] gets it, [Rehearse] shows that nothing would change with it, [BringState] writes it to where the configuration
// says, and [TakeBack] undoes that. Whoever calls them plans in between.

var (
	// ErrStateKept says that the configuration names no lasting place, so that the state is in the agent's own.
	ErrStateKept = errors.New("the configuration names no backend, so the state is where the agent keeps it")
	// ErrPlaceTaken says that something else is where the state is to go.
	ErrPlaceTaken = errors.New("where the configuration says that the state is, there is another one that is not empty")
)

// StateFrom reads the state that lies in a backend, given by a file that [rootmodule.CheckBackendFile] has passed; nil if there is
// none. The checkout is emptied for that.
func StateFrom(ctx context.Context, o PlanOptions, file []byte) (state []byte, err error) {
	o.Source = cmp.Or(o.Source, o.WorkDir)
	if err := errors.Join(os.RemoveAll(o.Source), os.MkdirAll(o.Source, 0o700)); err != nil {
		return nil, fmt.Errorf("making a directory for the backend of before: %w", err)
	}
	o.WorkDir, o.BackendConfig, o.Cache = o.Source, nil, nil
	if err := private.Create(filepath.Join(o.WorkDir, "backend.tf"), file); err != nil {
		return nil, fmt.Errorf("writing the backend of before: %w", err)
	}
	err = inRoot(ctx, o, "reading the state of", func(ctx context.Context, p *planner) error {
		if p.keptDir {
			return &diag.Error{Op: "init", ExitCode: -1, Err: errors.New("the file names no lasting place"), Hint: "path of a local backend must be absolute"}
		}
		text, err := p.pullState(ctx)
		if state = []byte(text); strings.TrimSpace(text) == "" {
			state = nil
		}
		return err
	})
	return state, err
}

// State is what is known of a state.
type State = planjson.State

// ParseState reads a state.
func ParseState(text []byte) (State, error) { return planjson.ParseState(bytes.NewReader(text)) }

// Rehearse plans on a copy of a state, wherever the configuration says that its own is, and reads and writes nothing there.
func Rehearse(ctx context.Context, o PlanOptions, state []byte) (*PlanResult, error) {
	o.Rehearsal, o.Preview, o.StateDir = true, false, filepath.Join(o.OutDir, "rehearsal")
	path := keptstate.Of(o.StateDir, o.Workspace)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("making a directory for a copy of the state: %w", err)
	}
	if err := private.Create(path, state); err != nil {
		return nil, fmt.Errorf("writing a copy of the state: %w", err)
	}
	return Plan(ctx, o)
}

// Brought says what [BringState] found and did.
type Brought struct {
	Before []byte // what was there; nil: nothing
	There  bool   // the state was there already, and nothing was written
}

// BringOptions say which state comes to where the configuration says that it is.
type BringOptions struct {
	State []byte
	Kept  bool // it comes from where the agent keeps states, so that it cannot stay there
	// Keep gets what is there and is replaced, before anything is changed. It is not called where there is nothing.
	Keep func(current []byte) error
}

// BringState writes a state to where the configuration says that it is, with the state lock, if nothing is there, or only a state
// that holds nothing. What is written is read back and compared.
//
// Options are used as by [Unlock], but for a workspace that is missing, which is made.
func BringState(ctx context.Context, o PlanOptions, b BringOptions) (out Brought, err error) {
	moved, err := planjson.ParseState(bytes.NewReader(b.State))
	if err != nil {
		return out, fmt.Errorf("reading the state: %w", err)
	}
	err = inPlace(ctx, o, func(ctx context.Context, p *planner) error {
		if b.Kept && p.keptDir {
			return ErrStateKept
		}
		text, err := p.pullState(ctx)
		if err != nil {
			return err
		}
		var there planjson.State
		if strings.TrimSpace(text) != "" {
			if there, err = planjson.ParseState(strings.NewReader(text)); err != nil {
				return fmt.Errorf("reading the state that is there: %w", err)
			}
		}
		if !there.Empty() { // some backends show an empty one where there is none
			out.Before = []byte(text)
		}
		switch {
		case there.Resources > 0 && there.Lineage == moved.Lineage && there.Serial >= moved.Serial && p.isPushed(ctx, b.State):
			out.There = true
			return nil
		case there.Resources > 0:
			return ErrPlaceTaken
		case out.Before != nil:
			if err := b.Keep(out.Before); err != nil {
				return err
			}
		}
		if err := p.push(ctx, b.State, out.Before != nil); err != nil {
			return err
		}
		if !p.isPushed(ctx, b.State) {
			return errors.New("what was written is not what is read back")
		}
		return nil
	})
	return out, err
}

// TakeBack puts what was there before back in the place of a state that was brought. Where nothing was, a state stays that holds
// nothing and has a name of its own: terraform takes none away.
func TakeBack(ctx context.Context, o PlanOptions, before []byte) error {
	if before == nil {
		before = fmt.Appendf(nil, `{"version": 4, "terraform_version": %q, "serial": 1, "lineage": %q, "outputs": {}, "resources": []}`, o.Tool.Version, "taken-back-"+rand.Text())
	}
	return inPlace(ctx, o, func(ctx context.Context, p *planner) error { return p.push(ctx, before, true) })
}

// push writes a state, over nothing or by force over one that has another name. Where nothing is, terraform gives a state that some
// backends get a new name: it is written once more then.
func (p *planner) push(ctx context.Context, state []byte, force bool) error {
	file, err := private.Lend(p.o.User, filepath.Join(p.o.OutDir, "push.tfstate"), state)
	if err != nil {
		return err
	}
	if err := pushFile(ctx, p, file, force); err != nil || force || p.isPushed(ctx, state) {
		return err
	}
	return pushFile(ctx, p, file, true)
}

func pushFile(ctx context.Context, p *planner, file string, force bool) error {
	_, err := p.s.run(ctx, "state push", p.s.env, func(*jsonlog.Sink) error {
		return p.s.tf.StatePush(ctx, file, tfexec.Lock(true), tfexec.LockTimeout(p.o.LockTimeout.String()), tfexec.Force(force))
	})
	return err
}

// inPlace is [inRoot] for a place that is new: a missing workspace is made.
func inPlace(ctx context.Context, o PlanOptions, f func(context.Context, *planner) error) error {
	ctx, p, end, err := begin(ctx, o, purpose{"moving the state of", tooSlow})
	if err != nil {
		return err
	}
	defer end()
	for _, step := range []func(context.Context) error{p.initialise, p.workspace, p.settle} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return f(ctx, p)
}
