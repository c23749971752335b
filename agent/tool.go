package agent

import (
	"context"
	"log/slog"
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
	if t.found != nil {
		return *t.found, nil
	}
	found, err := terraform.FindTool(ctx, t.options)
	if err != nil {
		return terraform.Tool{}, err
	}
	t.found = &found
	return found, nil
}

// forget makes the next get look again, after the binary turned out to have changed.
func (t *tool) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.found = nil
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
