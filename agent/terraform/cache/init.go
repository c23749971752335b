package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"sallyport/agent/terraform/diag"
	"sallyport/notify/words"
)

// providerFault are init's errors that a package of the store can cause, or one that it lacks.
var providerFault = regexp.MustCompile(`(?i)provider packages?|install(ing)? provider|incompatible provider|dependency lock file`)

// Init is one init of a root module.
type Init struct {
	Root
	Sources
	Preview bool // nobody has approved what is initialised, so nothing of it is kept
	// Asked is when it was wished for: what was asked of a registry later than that is not asked again. Default: now.
	Asked time.Time
	Now   func() time.Time // default: [time.Now]
	// Same is a digest of what else decides what an init brings: the environment, directories, whose modules it may read. Empty: init always runs.
	Same string
	// Run runs terraform init once. A pluginDir that is not empty is to be the only source of providers. The error is a [*diag.Error]
	// where terraform is the reason.
	Run  func(ctx context.Context, pluginDir string) error
	Warn func(format string, args ...any) // tells those who decide on the plan
}

// A WaitError says that an init did not get its turn: the context ended, or the cache cannot be written to.
type WaitError struct{ Err error }

// Error implements error.
func (e *WaitError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *WaitError) Unwrap() error { return e.Err }

// attempt is an init that uses a cache.
type attempt struct {
	Init
	cache *Cache
	needs needs
}

// Init runs an init with what is kept from earlier ones where that is the same or all that can be had. Committed is the lock file of
// the checkout; nil if there is none. A nil cache runs terraform init once, and that is all.
func (c *Cache) Init(ctx context.Context, in Init, committed []byte) error {
	if c == nil {
		return in.Run(ctx, "")
	}
	if in.Now == nil {
		in.Now = time.Now
	}
	if in.Asked.IsZero() {
		in.Asked = in.Now()
	}
	a := attempt{Init: in, cache: c}
	key := in.key(committed)
	last := c.lastInit(a.Stack)
	if last != nil && last.Commit == a.Commit && last.Committed == LockDigest(committed) {
		err := a.restore(last, committed)
		if err == nil {
			err = a.initOnce(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := a.reset(committed); err != nil { // what is kept is damaged, or terraform has changed
			return err
		}
	} else if last != nil && committed != nil && last.Committed == LockDigest(committed) {
		// The same lock file as last time: take the one with the checksums that were missing in it.
		if lock, err := last.lock(); err == nil && lock != nil && sameSelections(committed, lock) {
			if err := replaceLock(a.WorkDir, lock, a.User); err != nil {
				return err
			}
		}
	}
	err := a.initOnce(ctx)
	var failed *diag.Error
	if errors.As(err, &failed) && failed.Transient && last != nil && ctx.Err() == nil {
		return a.initOffline(ctx, last, committed, failed)
	}
	if err != nil {
		return err
	}
	if a.Preview {
		return nil
	}
	if err := a.remember(key, committed); err != nil {
		a.Warn("the lock file and modules of this run could not be kept for when the registry is away: %v", err)
	}
	return nil
}

// initOffline tries once more with what the stack used last, because the registry or a module's host is away.
func (a *attempt) initOffline(ctx context.Context, last *kept, committed []byte, first *diag.Error) error {
	if a.reset(committed) != nil || a.restore(last, committed) != nil || a.initOnce(ctx) != nil {
		return first
	}
	a.Warn("providers and modules are those of commit %s, because something could not be reached: %v", words.Short(last.Commit), first)
	return nil
}

// restore puts everything that is kept into place.
func (a *attempt) restore(last *kept, committed []byte) error {
	if err := last.putLock(a.WorkDir, committed, a.User); err != nil {
		return err
	}
	return last.putModules(a.DataDir)
}

// reset undoes what an init has left behind.
func (a *attempt) reset(committed []byte) error {
	if err := replaceLock(a.WorkDir, committed, a.User); err != nil {
		return err
	}
	if err := os.RemoveAll(a.DataDir); err != nil {
		return fmt.Errorf("clearing terraform's data directory: %w", err)
	}
	if err := os.MkdirAll(a.DataDir, 0o700); err != nil {
		return fmt.Errorf("making terraform's data directory: %w", err)
	}
	return nil
}

// initOnce runs one init, from the store of providers if that has everything.
func (a *attempt) initOnce(ctx context.Context) error {
	before, err := a.ReadLock()
	if err != nil {
		return err
	}
	a.needs = requiredProviders(a.WorkDir, defaultRegistry(a.Tool.OpenTofu))
	for refused := false; ; {
		lock, t, err := a.look(before, refused)
		if err != nil {
			return err
		}
		switch {
		case t == free:
			return a.Run(ctx, "")
		case t == warm && !refused:
			if done, err := a.initWarm(ctx, lock, before); done {
				return err
			}
			refused = true
		}
		if again, err := a.initCold(ctx, before, refused); !again {
			return err
		}
	}
}

// look finds out how an init has to run. If what is known of providers is all that it lacks, that is in its lock file then.
func (a *attempt) look(before []byte, refused bool) (lock []byte, t temperature, err error) {
	t = a.cache.temperature(a.WorkDir, a.needs)
	if refused || t == free {
		return before, t, nil
	}
	known := a.cache.answers.recall(&a.Init, before, a.needs)
	if known == nil {
		return before, t, nil
	}
	if err := replaceLock(a.WorkDir, known, a.User); err != nil {
		return nil, cold, err
	}
	if t := a.cache.temperature(a.WorkDir, a.needs); t == warm {
		return known, t, nil
	}
	return before, t, replaceLock(a.WorkDir, before, a.User)
}

// initCold runs init with all of terraform's sources, one at a time, and stores what it has fetched. Again means that
// somebody else has filled the store while this one waited.
func (a *attempt) initCold(ctx context.Context, before []byte, refused bool) (again bool, err error) {
	c := a.cache
	unlock, err := c.lockCold(ctx)
	if err != nil {
		return false, &WaitError{err}
	}
	defer unlock()
	if !refused {
		if _, t, err := a.look(before, refused); err != nil || t == warm {
			return err == nil, err
		}
	}
	asked := a.Now()
	if err := a.Run(ctx, ""); err != nil {
		return false, err
	}
	if err := c.adopt(a.Root, refused); err != nil {
		a.Warn("providers could not be stored for later runs: %v", err)
		return false, nil
	}
	if a.Preview || a.User != nil && !a.User.Exclusive { // another run's code can be at work in its files
		return false, nil
	}
	after, err := a.ReadLock()
	if err == nil {
		c.answers.learn(&a.Init, before, after, a.needs, asked)
	}
	return false, err
}

// initWarm runs init with the store as the only source of providers. Not done means that a package which terraform wanted is not in
// the store, or is damaged, or that what was known of them is not true any more; everything is as before then.
func (a *attempt) initWarm(ctx context.Context, lock, before []byte) (done bool, err error) {
	err = a.Run(ctx, a.cache.providers())
	if err == nil {
		after, err := a.ReadLock()
		if err != nil {
			return true, err
		}
		if extendsLock(after, lock) {
			return true, nil
		}
		// A remote module needs a provider that the lock file does not pin: the registry has to say in which version.
	} else if bytes.Equal(lock, before) && !providerTrouble(err) || ctx.Err() != nil {
		return true, err
	}
	for _, leftover := range []string{"providers", "plugin_path"} {
		if err := os.RemoveAll(filepath.Join(a.DataDir, leftover)); err != nil {
			return true, fmt.Errorf("clearing terraform's data directory: %w", err)
		}
	}
	return false, replaceLock(a.WorkDir, before, a.User)
}

// providerTrouble reports whether a package of the store, or one that the store lacks, can be why an init failed.
func providerTrouble(err error) bool {
	var failed *diag.Error
	if !errors.As(err, &failed) {
		return false
	}
	return providerFault.MatchString(failed.Output) || slices.ContainsFunc(failed.Diagnostics, func(d diag.Diagnostic) bool {
		return d.IsError() && providerFault.MatchString(d.Summary)
	})
}
