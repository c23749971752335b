package terraform

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// RestoreOptions say which state comes back.
type RestoreOptions struct {
	State []byte // an older copy of the stack's own state
	// Keep gets the state that is replaced, before anything is changed. It is not called where there is none.
	Keep func(current []byte) error
}

// A LineageError says that a copy is not of the state that it would replace.
type LineageError struct{ Copy, Current string }

// Error implements error.
func (e *LineageError) Error() string {
	return fmt.Sprintf("the copy is of another state (lineage %s) than the one that is there (lineage %s)", e.Copy, e.Current)
}

// RestoreState makes an older copy the stack's state again, in its backend and workspace, with the state lock and never by
// force: the copy gets the serial after that of the state that it replaces, so that terraform takes it if and only if nobody
// changed the state in between. It returns that serial.
//
// Options are used as by [Unlock]. The error is an [*diag.Error] in terraform's words, or a [*LineageError].
func RestoreState(ctx context.Context, o PlanOptions, r RestoreOptions) (serial int64, err error) {
	var back map[string]json.RawMessage
	if err := json.Unmarshal(r.State, &back); err != nil {
		return 0, fmt.Errorf("reading the copy: %w", err)
	}
	identity, err := planjson.ParseState(strings.NewReader(string(r.State)))
	if err != nil {
		return 0, fmt.Errorf("reading the copy: %w", err)
	}
	err = inRoot(ctx, o, "restoring the state of", func(ctx context.Context, p *planner) error {
		text, err := p.pullState(ctx)
		if err != nil {
			return err
		}
		serial = identity.Serial
		var current planjson.State
		if strings.TrimSpace(text) != "" {
			if current, err = planjson.ParseState(strings.NewReader(text)); err != nil {
				return fmt.Errorf("reading the state that is there: %w", err)
			}
		}
		if !current.Empty() { // some backends show an empty one where there is none
			if current.Lineage != identity.Lineage {
				return &LineageError{Copy: identity.Lineage, Current: current.Lineage}
			}
			if err := r.Keep([]byte(text)); err != nil {
				return err
			}
			serial = current.Serial + 1
		}
		if back["serial"], err = json.Marshal(serial); err != nil {
			return err
		}
		raw, err := json.MarshalIndent(back, "", "  ")
		if err != nil {
			return err
		}
		if current.Empty() {
			return p.push(ctx, raw, false) // under its own name, or the next plan would not know it
		}
		file, err := private.Lend(p.o.User, filepath.Join(p.o.OutDir, "restore.tfstate"), raw)
		if err != nil {
			return err
		}
		_, err = p.s.run(ctx, "state push", p.s.env, func(*jsonlog.Sink) error {
			return p.s.tf.StatePush(ctx, file, tfexec.Lock(true), tfexec.LockTimeout(o.LockTimeout.String()))
		})
		return err
	})
	return serial, err
}

// pullState is the state as the backend has it; blank where there is none.
func (p *planner) pullState(ctx context.Context) (text string, err error) {
	_, err = p.s.run(ctx, "state pull", p.s.env, func(*jsonlog.Sink) (err error) {
		text, err = p.s.tf.StatePull(ctx)
		return err
	})
	return text, err
}
