package binary

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
)

// Slots lend out tfexec.Terraform values that know the version of their terraform already.
//
// terraform-exec asks the binary for its version once per value, and a value is bound to one directory, so a value
// per plan costs one more process per plan: a fifth of the time of a small plan. A slot is a symlink that values are bound to,
// and which points at the root module of the plan that has borrowed the slot. A flock per slot keeps other processes with
// the same directory away, and leaves nothing behind when the agent dies.
type Slots struct {
	dir string

	mu    sync.Mutex
	known map[string]*tfexec.Terraform // by slot, binary and start
}

// NewSlots returns slots in dir, which is made when it is first needed.
func NewSlots(dir string) *Slots { return &Slots{dir: dir, known: make(map[string]*tfexec.Terraform)} }

// Borrow says what is to be lent.
type Borrow struct {
	Tool    Tool
	WorkDir string // the root module
	Start   Start  // of everything
	Keeper  bool   // lend another one as well, which starts terraform under a keeper; see package asuser
}

// Borrow lends a value that works in the root module, another one for what a keeper is to start (nil if there is to be none), and
// what gives both of them back.
func (s *Slots) Borrow(b Borrow) (plain, kept *tfexec.Terraform, giveBack func(), err error) {
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
		giveBack = func() { _ = lock.Close() }
		plain, err = s.point(path, b)
		if err == nil && b.Keeper {
			kept, err = s.value(path, b.Tool, Wrapped)
		}
		if err != nil {
			giveBack()
			return nil, nil, nil, err
		}
		return plain, kept, giveBack, nil
	}
}

// point points a slot at the root module.
func (s *Slots) point(path string, b Borrow) (*tfexec.Terraform, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("clearing slot: %w", err)
	}
	if err := os.Symlink(b.WorkDir, path); err != nil {
		return nil, fmt.Errorf("pointing slot at the root module: %w", err)
	}
	return s.value(path, b.Tool, b.Start)
}

// value is a slot's value for a tool and a start. As whom terraform is started is in the environment of each call.
func (s *Slots) value(path string, tool Tool, start Start) (*tfexec.Terraform, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := fmt.Sprintf("%s %s %s %d", filepath.Base(path), tool.Path, tool.Digest, start)
	if tf := s.known[key]; tf != nil {
		return tf, nil
	}
	tf, err := tool.In(path, start)
	if err != nil {
		return nil, err
	}
	s.known[key] = tf
	return tf, nil
}
