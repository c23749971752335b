package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"sallyport/agent/asuser"
	"sallyport/agent/fault"
	"sallyport/agent/foreign"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/private"
	"sallyport/store/disk"
)

// What the agent writes for terraform and what it takes from it when terraform runs as another user. The rule is that of
// package asuser: nothing in a directory of that user's is reached through a link.

// writable is where terraform's own files can lie beside the plan: OutDir holds what only the agent may write.
func (o *PlanOptions) writable() string {
	if o.User == nil {
		return o.OutDir
	}
	return filepath.Join(o.OutDir, "tmp")
}

// ownConfig puts a configuration of terraform's command line beside the plan: an empty one, or one that knows the mirror, or for another user a copy of the
// agent's, which may lie where only the agent gets.
func (o *PlanOptions) ownConfig() error {
	if o.CLIConfigFile != "" && o.User == nil {
		return nil
	}
	text := mirrorConfig(o.Mirror)
	if o.CLIConfigFile != "" {
		var err error
		if text, err = os.ReadFile(o.CLIConfigFile); err != nil {
			return fmt.Errorf("reading terraform's cli_config_file: %w", err)
		}
	}
	rc, err := private.Lend(o.User, filepath.Join(o.OutDir, rcFile), text)
	if err != nil {
		return err
	}
	o.CLIConfigFile = rc
	return nil
}

// handOver gives to another user what terraform writes to, when everything is in it.
func (p *planner) handOver(tmp string) error {
	o := &p.o
	if o.User == nil {
		return nil
	}
	if p.keptDir && o.NoLock {
		// What is planned without a lock is nothing that anybody has agreed to; it must not write to the state.
		copied := filepath.Join(o.OutDir, "state")
		if err := errors.Join(os.RemoveAll(copied), copyTree(copied, o.StateDir)); err != nil {
			return fmt.Errorf("copying the state: %w", err)
		}
		if err := os.Remove(filepath.Join(o.WorkDir, overrideFile)); err != nil {
			return fmt.Errorf("naming the copy of the state: %w", err)
		}
		o.StateDir = copied
		if err := writeOverride(o.WorkDir, copied); err != nil {
			return err
		}
	}
	own := []string{tmp, o.Source}
	if o.Home != "" {
		if err := os.MkdirAll(o.Home, 0o700); err != nil {
			return fmt.Errorf("making a home: %w", err)
		}
		own = append(own, o.Home)
	}
	if p.keptDir {
		own = append(own, o.StateDir)
	}
	for _, path := range own {
		if err := o.User.Own(path); err != nil {
			return err
		}
	}
	return o.User.Enter(o.OutDir)
}

// keeps reports whether terraform has a keeper: see package asuser. Of a user that nobody else has everything is ended.
func (o *PlanOptions) keeps() bool { return o.Keep && (o.User == nil || !o.User.Exclusive) }

// settle ends whatever init has left running and makes what it brought the agent's, to be read by the user: from here on code of
// the repository's runs, and what it is built from must be what init has verified.
func (p *planner) settle(context.Context) error {
	o := &p.o
	if o.User == nil || !o.User.Exclusive {
		return nil
	}
	if err := o.User.End(); err != nil {
		return err
	}
	if err := asuser.Reclaim(o.DataDir); err != nil {
		return err
	}
	return o.User.Share(o.DataDir)
}

// LendForApply lets a user at what an apply reads beside its plan, in the plan's OutDir.
func LendForApply(outDir string, user *asuser.User) error {
	if user == nil {
		return nil
	}
	if err := user.Enter(outDir); err != nil {
		return err
	}
	if err := user.Share(filepath.Join(outDir, rcFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// takePlan is [sealPlan] for a plan that another user has made: what is digested, shown and applied is a copy that it can
// read and not write.
func (o *PlanOptions) takePlan(from, to string) (digest string, err error) {
	in, err := foreign.Open(from)
	if err != nil {
		return "", fmt.Errorf("taking the plan file: %w", err)
	}
	defer func() { _ = in.Close() }()
	if err := os.RemoveAll(to); err != nil {
		return "", fmt.Errorf("clearing the place of the plan file: %w", err)
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("making the plan file: %w", err)
	}
	h := sha256.New()
	err = foreign.Copy(io.MultiWriter(out, h), in, maxPlan)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return "", fmt.Errorf("copying the plan file: %w", err)
	}
	if err := o.User.Share(to); err != nil {
		return "", err
	}
	if err := disk.Sync(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("syncing the plan's directory: %w", err)
	}
	fault.Point("plan file in place")
	return hex.EncodeToString(h.Sum(nil)), nil
}

// maxTree bounds what is copied of a directory, and maxPlan a plan file, in bytes: a sparse file costs its maker nothing.
const (
	maxTree = 4 << 30
	maxPlan = 2 << 30
)

// copyTree copies a directory that is not there yet; links in it are copied and never followed.
func copyTree(to, from string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	var size int64
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if size += info.Size(); size > maxTree {
			return &foreign.TooLargeError{Name: from, Most: maxTree}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.CopyFS(to, root.FS())
}

// root is the root module as the cache knows it.
func (o *PlanOptions) root() cache.Root {
	return cache.Root{Stack: o.Stack, Commit: o.Commit, Source: o.Source, WorkDir: o.WorkDir, DataDir: o.DataDir, User: o.User}
}
