package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/foreign"
	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/jsonlog"
	"sallyport/agent/terraform/planjson"
	"sallyport/agent/terraform/private"
)

// ErrNotLocked says that there is no lock to open.
var ErrNotLocked = errors.New("the state is not locked now")

// An OtherLockError says that the lock that is held is not the one that a person wants to open.
type OtherLockError struct {
	Asked string
	Held  diag.LockInfo // its ID can be empty: the backend does not tell
}

// Error implements error.
func (e *OtherLockError) Error() string {
	if e.Held.ID == "" {
		return fmt.Sprintf("the state is locked, and its backend does not say with which id, so that %s cannot be compared", e.Asked)
	}
	text := fmt.Sprintf("the state lock that is held now is %s, not %s", e.Held.ID, e.Asked)
	if e.Held.Who != "" {
		text += fmt.Sprintf(" (%s, %s, since %s)", e.Held.Who, e.Held.Operation, e.Held.Created)
	}
	return text
}

// lockProbe is an address that no configuration has: asking for it takes the state lock, finds nothing and lets go.
const lockProbe = "terraform_data.sallyport_is_the_state_locked"

// Unlock forces the state lock with an id open, in the stack's workspace. It looks first which lock is held: not every
// backend compares the id when it is told to unlock (http does not), and an apply that somebody has just started
// would lose its lock to a slip of the hand.
//
// Options are used as by [Init]; PlanEnv should be what applies get. The error is an [*diag.Error] in terraform's words,
// [ErrNotLocked], or an [*OtherLockError].
func Unlock(ctx context.Context, o PlanOptions, id string) error {
	if id == "" || strings.HasPrefix(id, "-") {
		return fmt.Errorf("%q is not the id of a state lock", id)
	}
	return inRoot(ctx, o, "unlocking", func(ctx context.Context, p *planner) error {
		_, err := p.s.run(ctx, "untaint", p.s.env, func(*jsonlog.Sink) error {
			return p.s.tf.Untaint(ctx, lockProbe, tfexec.AllowMissing(true), tfexec.Lock(true), tfexec.LockTimeout("0s"))
		})
		var failed *diag.Error
		switch {
		case err == nil:
			return ErrNotLocked
		case !errors.As(err, &failed) || failed.Lock == nil:
			return err
		case failed.Lock.ID != id:
			return &OtherLockError{Asked: id, Held: *failed.Lock}
		}
		_, err = p.s.run(ctx, "force-unlock", p.s.env, func(*jsonlog.Sink) error { return p.s.tf.ForceUnlock(ctx, id) })
		return err
	})
}

// PushState writes a state file to the stack's backend and workspace, with the state lock and never by force: terraform
// refuses a state whose serial or lineage does not follow the one that is there. Pushing the same file twice is fine.
//
// Options are used as by [Unlock]. The error is an [*diag.Error] in terraform's words; see [diag.Error.StateMoved].
func PushState(ctx context.Context, o PlanOptions, file string) error {
	if !filepath.IsAbs(file) {
		return fmt.Errorf("the path of the state %q is not absolute", file)
	}
	return inRoot(ctx, o, "pushing a state of", func(ctx context.Context, p *planner) error {
		text, err := foreign.ReadFile(file, planjson.MaxState)
		if err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
		readable, err := private.Lend(p.o.User, filepath.Join(p.o.OutDir, "push.tfstate"), text)
		if err != nil {
			return err
		}
		_, err = p.s.run(ctx, "state push", p.s.env, func(*jsonlog.Sink) error {
			return p.s.tf.StatePush(ctx, readable, tfexec.Lock(true), tfexec.LockTimeout(o.LockTimeout.String()))
		})
		var failed *diag.Error
		if errors.As(err, &failed) && failed.StateMoved() && p.isPushed(ctx, text) {
			return nil
		}
		return err
	})
}

// isPushed reports whether the backend holds a state already. Terraform counts the serial up when it pushes, so
// that it refuses the same file the second time, after a crash in between for example.
func (p *planner) isPushed(ctx context.Context, pushed []byte) bool {
	text, err := p.pullState(ctx)
	if err != nil {
		return false
	}
	type content struct {
		Lineage            string
		Resources, Outputs any
	}
	var there, here content
	if json.Unmarshal([]byte(text), &there) != nil || json.Unmarshal(pushed, &here) != nil {
		return false
	}
	return there.Lineage != "" && reflect.DeepEqual(there, here)
}

// inRoot calls f with the stack's root module initialised and its workspace selected. Unlike a plan it makes no
// workspace: what is to be mended is in one that exists.
func inRoot(ctx context.Context, o PlanOptions, doing string, f func(context.Context, *planner) error) error {
	ctx, p, end, err := begin(ctx, o, purpose{doing, tooSlow})
	if err != nil {
		return err
	}
	defer end()
	if err := p.initialise(ctx); err != nil {
		return err
	}
	if name := p.o.Workspace; name != defaultWorkspace {
		_, err := p.s.run(ctx, "workspace select", p.s.env, func(*jsonlog.Sink) error { return p.s.tf.WorkspaceSelect(ctx, name) })
		if err != nil {
			return err
		}
		if err := p.inWorkspace(ctx, name); err != nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	return f(ctx, p)
}
