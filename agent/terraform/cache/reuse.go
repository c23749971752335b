package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"sallyport/agent/asuser"
	"sallyport/agent/terraform/diag"
)

// An init is left out where it would bring what the stack's last one brought. What it brought is remembered before any code of the
// repository's ran, and who could make something else of it?
//
//   - Code of a run, as the run's user: it reads what it was given, a copy, and gets at neither the directory of this cache nor at what
//     is in the agent's memory. Where the user is not one run's alone, nothing is remembered: code of another run could have been at
//     work in the files before. Without a user the code is the agent's own user and can write to the cache: the digest of what is
//     there is in the agent's memory, and what does not fit is not used.
//   - The repository: of what is brought it can only name modules and providers, and what decides is part of the key: the lock file,
//     the terraform blocks (backend, required providers), which providers resources need, each module's source and version. Names that
//     leave the checkout, links and files that are not understood: init runs. Terraform compares lock file, list of modules and backend
//     with the configuration before each plan, and each package with the lock file's checksums; see [Cache.Misfit].
//   - A module's repository: a commit is that commit. A tag of a version can be moved, and a version of a registry be published
//     anew, which a fresh init would see: what is remembered counts for a day, and so is at most that old. Branches, and refs that
//     are not named like a version, are never taken for exact. What a module has in .terraform terraform does not read.
//   - A pull request: what nobody has approved is neither remembered nor given what is.
//   - Who configures the agent: environment, mirror, terraform's binary and whose modules may be read are part of the key. Values of
//     backend_config would be in the record of the backend, on disk: with them, init runs. The record is in memory alone.
//   - A provider that was taken out of the store, or changed: its place is looked at, and terraform compares its checksum.
//
// After a restart of the agent nothing is remembered, and each stack's next plan runs init.
type ready struct {
	key     string
	digest  string            // of lock file and modules as they are kept
	backend []byte            // terraform's record of the backend; nil: none
	calls   []byte            // terraform's list of modules, where all are of the checkout; nil: it is among what is kept, or there is none
	links   map[string]string // from providers' places in the data directory to packages
	at      time.Time
}

const (
	readyFor   = 24 * time.Hour
	maxBackend = 64 << 10
	maxReady   = 5000 // stacks
)

// backendRecord is where terraform writes down which backend init has set up, in its data directory.
const backendRecord = "terraform.tfstate"

// moduleList is where it writes down which modules are where.
var moduleList = filepath.Join(keptModules, "modules.json")

// key is the digest of all that decides what an init brings; empty where that is not known.
func (in *Init) key(committed []byte) string {
	sources := in.Sources.digest()
	if in.Same == "" || sources == "" || in.Preview || in.Tool.OpenTofu || in.User != nil && !in.User.Exclusive {
		return "" // OpenTofu takes a module's source from variables, too
	}
	w := readWishes(in.Source, in.WorkDir)
	if !w.exact {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", in.Same, sources, w.digest(), LockDigest(committed)))
	return hex.EncodeToString(sum[:])
}

// Reuse puts into place what the stack's last init brought, if another one would bring the same. If it does not, everything is as
// before.
func (c *Cache) Reuse(in Init, committed []byte) bool {
	if c == nil {
		return false
	}
	key := in.key(committed)
	if key == "" {
		return false
	}
	c.keep.RLock()
	defer c.keep.RUnlock()
	c.mu.Lock()
	r, found := c.ready[in.Stack]
	c.mu.Unlock()
	if in.Now == nil {
		in.Now = time.Now
	}
	age := in.Now().Sub(r.at)
	if !found || r.key != key || age < 0 || age >= readyFor {
		return false
	}
	a := attempt{Init: in, cache: c}
	if err := a.place(&r, committed); err != nil {
		c.Forget(in.Stack)
		_ = a.reset(committed) // what stands in the way of that stands in the way of init as well, which says so
		return false
	}
	return true
}

// place fills an empty data directory.
func (a *attempt) place(r *ready, committed []byte) error {
	digest, err := a.cache.keptDigest(a.Stack)
	if err != nil {
		return err
	}
	if digest != r.digest {
		return errors.New("what is kept was changed")
	}
	for at, to := range r.links {
		if info, err := os.Stat(to); err != nil || !info.IsDir() {
			return fmt.Errorf("the package %s is gone", to)
		}
		link := filepath.Join(a.DataDir, at)
		if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o700), os.Symlink(to, link)); err != nil {
			return err
		}
	}
	if r.backend != nil {
		if err := os.WriteFile(filepath.Join(a.DataDir, backendRecord), r.backend, 0o600); err != nil {
			return err
		}
	}
	if last := a.cache.lastInit(a.Stack); last != nil {
		if err := a.restore(last, committed); err != nil {
			return err
		}
	}
	if r.calls != nil {
		if err := errors.Join(os.MkdirAll(filepath.Join(a.DataDir, keptModules), 0o700), os.WriteFile(filepath.Join(a.DataDir, moduleList), r.calls, 0o600)); err != nil {
			return err
		}
	}
	return a.User.Own(a.DataDir) // until it is settled: selecting a workspace writes to it
}

// keptDigest is the digest of what is kept of a stack on disk.
func (c *Cache) keptDigest(stack string) (string, error) {
	dir := c.stackDir(stack)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return "", err
	}
	return asuser.Digest(filepath.Dir(dir), filepath.Base(dir))
}

// prepare remembers what an init has brought, if a later one that is the same would bring it again. It is called with what is kept on
// disk in its place, and nobody else at work there.
func (a *attempt) prepare(key string, committed []byte) error {
	a.cache.Forget(a.Stack)
	if key == "" {
		return nil
	}
	used, err := a.ReadLock()
	if err != nil {
		return err
	}
	if !extendsLock(used, committed) { // of what is not pinned, another init asks for the newest version
		return nil
	}
	r := ready{key: key, links: map[string]string{}, at: a.Now()}
	places, err := filepath.Glob(filepath.Join(a.DataDir, "providers", "*", "*", "*", "*", platform()))
	if err != nil {
		return err
	}
	if lock, err := parseLock(used); err != nil || len(lock) != len(places) {
		return err
	}
	for _, place := range places {
		to, err := os.Readlink(place)
		rel, relErr := filepath.Rel(a.DataDir, place)
		if err != nil || relErr != nil || !filepath.IsAbs(to) {
			return nil // the run's own copy
		}
		r.links[rel] = to
	}
	if r.backend, err = a.ReadBack(filepath.Join(a.DataDir, backendRecord)); err != nil || len(r.backend) > maxBackend {
		return err
	}
	if last := a.cache.lastInit(a.Stack); last != nil && last.Modules {
		if !exactClones(filepath.Join(last.dir, keptModules), filepath.Join(a.DataDir, keptModules)) {
			return nil
		}
	} else if r.calls, err = a.ReadBack(filepath.Join(a.DataDir, moduleList)); err != nil || bytes.Contains(r.calls, []byte(a.DataDir)) {
		return err
	}
	if r.digest, err = a.cache.keptDigest(a.Stack); err != nil {
		return err
	}
	a.cache.mu.Lock()
	defer a.cache.mu.Unlock()
	if a.cache.ready == nil || len(a.cache.ready) >= maxReady {
		a.cache.ready = map[string]ready{}
	}
	a.cache.ready[a.Stack] = r
	return nil
}

// Forget has the next plan of a stack run init.
func (c *Cache) Forget(stack string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ready, stack)
}

// A MisfitError says that terraform wants init to run before it does anything with what an earlier one brought. It is to be begun anew, in
// a fresh checkout: what this one has met of it is not known.
type MisfitError struct{ Err error }

// Error implements error.
func (e *MisfitError) Error() string { return e.Err.Error() }

// Unwrap returns terraform's own error.
func (e *MisfitError) Unwrap() error { return e.Err }

// wantsInit are terraform's words where lock file, providers, modules or backend are not what the configuration wants.
var wantsInit = regexp.MustCompile(`(?i)\b(terraform|tofu) init\b|Inconsistent dependency lock file|Required plugins are not installed|Module (not installed|source has changed|version requirements have changed)` +
	`|Backend (initialization required|configuration changed)|there is no package for|does not match any of the checksums`)

// Misfit is for the error of something that came after a [Cache.Reuse]: the stack's next plan runs init, and it is a [*MisfitError] if this
// one should have.
func (c *Cache) Misfit(stack string, err error) error {
	var failed *diag.Error
	if err == nil || !errors.As(err, &failed) {
		return err
	}
	c.Forget(stack)
	said := slices.ContainsFunc(failed.Diagnostics, func(d diag.Diagnostic) bool {
		return d.IsError() && (wantsInit.MatchString(d.Summary) || wantsInit.MatchString(d.Detail))
	})
	if said || wantsInit.MatchString(failed.Output) {
		return &MisfitError{err}
	}
	return err
}
