package cache

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Tidy removes what is kept of stacks that are not known any more and were last initialised before a time, and what a crash has left half
// done before it. A stack whose name was not kept with it yet stays.
func (c *Cache) Tidy(known func(stack string) bool, before time.Time) error {
	if c == nil {
		return nil
	}
	c.keep.Lock()
	defer c.keep.Unlock()
	stacks := filepath.Join(c.dir, "stacks")
	var faults []error
	for _, dir := range []string{c.dir, stacks} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			faults = append(faults, err)
		}
		for _, e := range entries {
			at := filepath.Join(dir, e.Name())
			info, err := e.Info()
			half := strings.HasPrefix(e.Name(), ".new-") || strings.HasPrefix(e.Name(), ".old-")
			switch {
			case err != nil || !info.IsDir() || !info.ModTime().Before(before):
			case half:
				faults = append(faults, os.RemoveAll(at))
			case dir == stacks:
				var k kept
				if text, err := os.ReadFile(filepath.Join(at, keptMeta)); err != nil || json.Unmarshal(text, &k) != nil || k.Stack == "" {
					continue
				}
				if !known(k.Stack) && k.At.Before(before) {
					faults = append(faults, os.RemoveAll(at))
				}
			}
		}
	}
	return errors.Join(faults...)
}
