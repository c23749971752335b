package cache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sallyport/agent/asuser"
	"sallyport/store"
)

// kept is what is kept of a stack's last good init: enough to repeat the init without registry and git host.
type kept struct {
	Stack     string    `json:"stack"`
	Commit    string    `json:"commit"`
	Committed string    `json:"committed"` // SHA-256 of the lock file in the checkout before init; empty: none
	DataDir   string    `json:"data_dir"`  // of that init: modules.json has its path inside
	Modules   bool      `json:"modules"`   // there are remote modules, which are kept as well
	At        time.Time `json:"at"`

	dir string
}

// The files of a kept stack.
const (
	keptMeta    = "kept.json"
	keptLock    = "lock.hcl"
	keptModules = "modules"
)

// stackDir is where the last good init of a stack is kept.
func (c *Cache) stackDir(stack string) string {
	name := url.PathEscape(store.FileName(stack)) // names were up to 64 bytes before, three times that with each escaped
	return filepath.Join(c.dir, "stacks", strings.ReplaceAll(name, ".", "%2E"))
}

// lastInit returns what is kept of a stack's last good init; nil if nothing is, or nothing that can be read.
func (c *Cache) lastInit(stack string) *kept {
	k := &kept{dir: c.stackDir(stack)}
	text, err := os.ReadFile(filepath.Join(k.dir, keptMeta))
	if err != nil || json.Unmarshal(text, k) != nil || k.Commit == "" {
		return nil
	}
	return k
}

// remember keeps the lock file and the remote modules of a good init in the place of the earlier ones. An init of the same stack
// that reads the earlier ones at that moment fails to, and goes without them.
func (a *attempt) remember(key string, committed []byte) error {
	a.cache.keep.Lock()
	defer a.cache.keep.Unlock()
	if err := a.cache.keepLast(a.Root, committed); err != nil {
		a.cache.Forget(a.Stack)
		return err
	}
	return a.prepare(key, committed)
}

// keepLast is [attempt.remember] on disk.
func (c *Cache) keepLast(r Root, committed []byte) error {
	modules := filepath.Join(r.DataDir, "modules")
	k := kept{Stack: r.Stack, Commit: r.Commit, DataDir: r.DataDir, Modules: hasDirectories(modules), At: time.Now().UTC(), Committed: LockDigest(committed)}
	lock, err := r.ReadBack(filepath.Join(r.WorkDir, LockFile))
	if err != nil {
		return err
	}
	target := c.stackDir(r.Stack)
	if lock == nil && !k.Modules {
		return os.RemoveAll(target) // built-in providers only: nothing to keep
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(staging) }()
	if k.Modules {
		if err := copyModules(filepath.Join(staging, keptModules), r.DataDir); err != nil {
			return err
		}
	}
	if lock != nil {
		if err := os.WriteFile(filepath.Join(staging, keptLock), lock, 0o600); err != nil {
			return err
		}
	}
	meta, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(staging, keptMeta), meta, 0o600); err != nil {
		return err
	}
	if err := syncTree(staging); err != nil {
		return err
	}
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return os.Rename(staging, target)
}

// lock returns the kept lock file; nil if there is none.
func (k *kept) lock() ([]byte, error) {
	return missingIsNil(os.ReadFile(filepath.Join(k.dir, keptLock)))
}

// putLock puts the kept lock file into a checkout. It refuses where the commit pins something else.
func (k *kept) putLock(workDir string, committed []byte, user *asuser.User) error {
	lock, err := k.lock()
	if err != nil || lock == nil {
		return err
	}
	if committed != nil && !extendsLock(committed, lock) {
		return errors.New("the commit pins other provider versions than those that are kept")
	}
	return replaceLock(workDir, lock, user)
}

// copyModules copies the remote modules of a data directory, which can be another user's.
func copyModules(to, dataDir string) error {
	root, err := os.OpenRoot(dataDir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	modules, err := fs.Sub(root.FS(), "modules")
	if err != nil {
		return err
	}
	return os.CopyFS(to, modules)
}

// putModules puts the kept modules into a data directory. Terraform takes those whose source and version are still
// what the configuration says, and fetches the others.
func (k *kept) putModules(dataDir string) error {
	if !k.Modules {
		return nil
	}
	to := filepath.Join(dataDir, "modules")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.CopyFS(to, os.DirFS(filepath.Join(k.dir, keptModules))); err != nil {
		return err
	}
	return moveManifest(filepath.Join(to, "modules.json"), k.DataDir, dataDir)
}

// moveManifest rewrites the directories in terraform's list of modules, which are below the data directory of the run
// that fetched them.
func moveManifest(path, from, to string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var manifest struct {
		Modules []map[string]any
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return fmt.Errorf("reading the list of modules: %w", err)
	}
	for _, m := range manifest.Modules {
		dir, _ := m["Dir"].(string)
		if rest, ok := strings.CutPrefix(dir, from+"/"); ok {
			m["Dir"] = to + "/" + rest
		}
	}
	if text, err = json.Marshal(manifest); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// hasDirectories reports whether there is a directory with directories in it.
func hasDirectories(dir string) bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.IsDir() {
			return true
		}
	}
	return false
}
