package agent

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"sallyport/agent/config"
	"sallyport/agent/terraform"
)

// tool finds terraform once and remembers it.
type tool struct {
	options terraform.ToolOptions
	mu      sync.Mutex
	found   *terraform.Tool
	file    os.FileInfo // of the binary when it was found
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
		return *t.found, nil
	}
	found, err := terraform.FindTool(ctx, t.options)
	if err != nil {
		return terraform.Tool{}, err
	}
	if t.file, err = os.Stat(found.Path); err != nil {
		return terraform.Tool{}, fmt.Errorf("looking at terraform: %w", err)
	}
	t.found = &found
	return found, nil
}

// same reports whether the binary still is the file that was found: an upgrade in place must be noticed, or each plan
// would name a digest that its apply then refuses.
func (t *tool) same() bool {
	now, err := os.Stat(t.found.Path)
	return err == nil && os.SameFile(now, t.file) && now.ModTime().Equal(t.file.ModTime()) && now.Size() == t.file.Size()
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
