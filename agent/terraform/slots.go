package terraform

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
	"github.com/hashicorp/terraform-exec/tfexec"

	"sallyport/agent/asuser"
)

// slots lends out tfexec.Terraform values whose terraform version is known already.
//
// terraform-exec asks the binary for its version once per value, and a value is bound to one directory, so a value
// per plan costs one more process per plan: a fifth of the time of a small one. A slot is a value bound to a symlink,
// which points at the root module of the plan that has borrowed the slot. A flock per slot keeps other processes with
// the same cache directory away, and leaves nothing behind when the agent dies.
type slots struct {
	dir string

	mu   sync.Mutex
	kept map[string]*tfexec.Terraform // by slot number and digest of the binary
}

// borrow returns values that work in workDir, and what gives them back: one for whatever is executed, and one for what is executed
// by a keeper, if there is to be one. See [PlanOptions.Keep].
func (s *slots) borrow(tool Tool, o *PlanOptions) (direct, kept *tfexec.Terraform, release func(), err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, nil, nil, fmt.Errorf("making the directory of slots: %w", err)
	}
	for n := 0; ; n++ {
		path := filepath.Join(s.dir, strconv.Itoa(n))
		lock := flock.New(path + ".lock")
		ok, err := lock.TryLock()
		if err != nil {
			return nil, nil, nil, fmt.Errorf("locking slot %d: %w", n, err)
		}
		if !ok {
			continue
		}
		giveBack := func() { _ = lock.Close() }
		direct, err = s.point(path, tool, o.User != nil, o.WorkDir)
		if err == nil && o.keeps() {
			kept, err = s.value(path, tool, true)
		}
		if err != nil {
			giveBack()
			return nil, nil, nil, err
		}
		return direct, kept, giveBack, nil
	}
}

func (s *slots) point(path string, tool Tool, ours bool, workDir string) (*tfexec.Terraform, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("clearing slot: %w", err)
	}
	if err := os.Symlink(workDir, path); err != nil {
		return nil, fmt.Errorf("pointing slot at the root module: %w", err)
	}
	return s.value(path, tool, ours)
}

// value is the one of a slot that executes terraform, or our own program in its place. As whom it does that is in the environment
// of each call.
func (s *slots) value(path string, tool Tool, ours bool) (*tfexec.Terraform, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := filepath.Base(path) + " " + tool.Path + " " + tool.Digest + fmt.Sprint(" ", ours)
	if tf := s.kept[key]; tf != nil {
		return tf, nil
	}
	tf, err := newTerraform(path, tool, ours)
	if err != nil {
		return nil, err
	}
	if s.kept == nil {
		s.kept = make(map[string]*tfexec.Terraform)
	}
	s.kept[key] = tf
	return tf, nil
}

// borrow gives the session what executes terraform, and returns what gives it back.
func (p *planner) borrow() (giveBack func(), err error) {
	o := &p.o
	giveBack = func() {}
	if o.Cache != nil {
		p.s.tf, p.s.kept, giveBack, err = o.Cache.slots.borrow(o.Tool, o)
	} else {
		p.s.tf, err = newTerraform(o.WorkDir, o.Tool, o.User != nil)
		if err == nil && o.keeps() {
			p.s.kept, err = newTerraform(o.WorkDir, o.Tool, true)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, tf := range []*tfexec.Terraform{p.s.tf, p.s.kept} {
		if tf == nil {
			continue
		}
		if err := tf.SetWaitDelay(o.Grace); err != nil {
			giveBack()
			return nil, fmt.Errorf("preparing terraform: %w", err)
		}
	}
	return giveBack, nil
}

// newTerraform prepares terraform in a directory. For another user it is our own program that is executed, and the
// environment says what in its place; see package asuser.
func newTerraform(dir string, tool Tool, ours bool) (*tfexec.Terraform, error) {
	path := tool.Path
	if ours {
		path = asuser.Executable
	}
	tf, err := tfexec.NewTerraform(dir, path)
	if err != nil {
		return nil, fmt.Errorf("preparing terraform: %w", err)
	}
	if err := tf.SetWaitDelay(waitDelay); err != nil {
		return nil, fmt.Errorf("preparing terraform: %w", err)
	}
	return tf, nil
}
