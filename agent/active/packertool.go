package active

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"

	"sallyport/agent/hint"
	"sallyport/agent/packer"
	"sallyport/agent/terraform/binary"
	"sallyport/store"
)

// packerTool finds packer once and remembers it, digest included: reading its hundred megabytes takes longer than a plan.
type packerTool struct {
	binary string // of the configuration; empty: PATH
	temp   string // where it is asked for its version
	mu     sync.Mutex
	found  packer.Tool
	seen   binary.Identity // of the binary when its digest was taken; zero: not to be relied on
}

// Get returns packer. A failure is tried again at the next call.
func (t *packerTool) Get(ctx context.Context) (packer.Tool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now, err := binary.IdentityOf(t.found.Path); err == nil && !t.seen.IsZero() && now == t.seen {
		return t.found, nil
	}
	name := t.binary
	if name == "" {
		name = "packer"
	}
	path, err := exec.LookPath(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return packer.Tool{}, hint.Refuse("install packer, or name it: packer { binary = \"/usr/bin/packer\" }", "finding packer: %v", err)
	}
	digest, seen, err := binary.Digest(path)
	if err != nil {
		return packer.Tool{}, fmt.Errorf("reading packer's binary: %w", err)
	}
	version, err := packer.Version(ctx, path, t.temp)
	if err != nil {
		return packer.Tool{}, err
	}
	t.found, t.seen = packer.Tool{Path: path, Version: version, Digest: digest}, seen
	return t.found, nil
}

// File is the binary that a build was planned with, if it is known what it looked like; otherwise the runner reads it.
func (t *packerTool) File(p *store.Plan) binary.Identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p == nil || t.found.Path != p.Binary || t.found.Digest != p.BinaryDigest {
		return binary.Identity{}
	}
	return t.seen
}
