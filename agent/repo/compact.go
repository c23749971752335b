package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"sallyport/agent/repo/odb"
	"sallyport/agent/repo/pack"
)

// compact joins all small packs into one. go-git's own repacking walks and rewrites the whole history, which takes
// several times its size in memory; this costs what the last fetches brought. The old packs go only after the new one was read
// back whole, holds each of their objects, and the mirror's references lead to whole commits without them.
func (r *Repository) compact(ctx context.Context) error {
	out, err := r.child.Run(ctx, pack.Order{Kind: pack.OrderJoin, Dir: r.options.Dir}, nil)
	if err != nil {
		return errors.Join(fmt.Errorf("joining packs: %w", err), removePartial(r.options.Dir))
	}
	return r.removePacks(out.Joined, out.Pack)
}

// removePacks deletes packs whose objects are elsewhere now, while nobody reads.
func (r *Repository) removePacks(names []string, keep string) error {
	r.swap.Lock()
	defer r.swap.Unlock()
	r.invalidate()
	dir := odb.PackDir(r.options.Dir)
	for _, name := range names {
		if name == keep {
			continue
		}
		for _, ext := range []string{".pack", ".idx"} {
			if err := os.Remove(filepath.Join(dir, name+ext)); err != nil {
				return fmt.Errorf("removing joined pack: %w", err)
			}
		}
	}
	return nil
}
