package agent

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"sallyport/agent/asuser"
	"sallyport/agent/config"
	"sallyport/agent/terraform"
	"sallyport/store"
)

// tool finds terraform once and remembers it.
type tool struct {
	options terraform.ToolOptions
	user    *asuser.User // who must be able to execute it
	mu      sync.Mutex
	found   *terraform.Tool
	seen    terraform.Identity // of the binary when it was found
}

func newTool(t config.Terraform, dataDir string, log *slog.Logger) *tool {
	return &tool{options: terraform.ToolOptions{
		Binary: t.Binary, Version: t.Version, InstallDir: filepath.Join(dataDir, "terraform"), Log: log,
	}}
}

// get returns terraform, installing the pinned version if it must. A failure is tried again at the next call.
func (t *tool) get(ctx context.Context) (terraform.Tool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found != nil && t.same() {
		t.settle()
		return *t.found, nil
	}
	found, err := terraform.FindTool(ctx, t.options)
	if err != nil {
		return terraform.Tool{}, err
	}
	if t.user != nil && strings.HasPrefix(found.Path, t.options.InstallDir+string(filepath.Separator)) {
		if err := t.user.Share(t.options.InstallDir); err != nil {
			return terraform.Tool{}, err
		}
		if found, err = found.Looked(); err != nil {
			return terraform.Tool{}, err
		}
	}
	if t.seen, err = terraform.IdentityOf(found.Path); err != nil {
		return terraform.Tool{}, fmt.Errorf("looking at terraform: %w", err)
	}
	t.found = &found
	return found, nil
}

// same reports whether the binary still is the file that was found: an upgrade in place must be noticed, or each plan
// would name a digest that its apply then refuses.
func (t *tool) same() bool {
	now, err := terraform.IdentityOf(t.found.Path)
	return err == nil && now == t.seen
}

// settle looks once more at a binary that had only just been installed when it was found: by now its identity can be
// remembered.
func (t *tool) settle() {
	if !t.found.File.IsZero() {
		return
	}
	if again, err := t.found.Looked(); err == nil && again.Digest == t.found.Digest {
		t.found = &again
	}
}

// file is the binary that a plan was made with, if it is known what it looked like; otherwise the runner reads it.
func (t *tool) file(p *store.Plan) terraform.Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.found == nil || p == nil || t.found.Path != p.Binary || t.found.Digest != p.BinaryDigest {
		return terraform.Identity{}
	}
	return t.found.File
}

// installTools looks for terraform when the agent starts, so that what is missing is known by day, not at 3 a.m.
func (a *Agent) installTools(ctx context.Context) {
	w := a.world.Load()
	go func() {
		found, err := w.tool.get(ctx)
		if ctx.Err() != nil {
			return
		}
		a.faults.set("terraform", err)
		if err != nil {
			a.log.Error("looking for terraform", "err", err)
			return
		}
		a.log.Info("terraform found", "path", found.Path, "version", found.Version)
	}()
}
