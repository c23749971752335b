package terraform

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/agent/need"
	"sallyport/agent/terraform/cache"
	"sallyport/agent/terraform/tftest"
)

// What one init has downloaded no other one downloads again, whatever the lock files of the stacks say, at once or one after the other.
func TestDownloadedOnce(t *testing.T) {
	t.Parallel()
	need.LongUnlessRaced(t, "it initialises ten stacks four times")
	const stacks = 10
	big := tftest.Package{Address: "acme/big", Version: "1.2.3", Padding: 2 << 20}
	m := tftest.NewNetworkMirror(t, big, tftest.Package{Address: "acme/big", Version: "0.9.0"}) // an older one, which nobody gets
	config := "terraform {\n  required_providers {\n    big = {\n      source  = \"acme/big\"\n      version = \">= 1.0\"\n    }\n  }\n}\n"
	first := newRig(t)
	o := network(first.options(main(config)), m)
	if _, err := Init(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	lock := lockedChecksum(t, o)
	checksum := regexp.MustCompile(`"h1:[^"]*"`).FindString(lock)
	for _, c := range []struct{ name, lock string }{
		{"without a lock file", ""},
		{"with one", lock},
		{"with one that has no checksum for this platform", strings.ReplaceAll(lock, checksum, `"`+m.Checksum(t, big)+`"`)},
		{"with one that has no checksum at all", lock[:strings.Index(lock, "hashes")] + "}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			before := m.Downloads.Load()
			errs, asked := make([]error, stacks), time.Now()
			var all []PlanOptions
			for i := range stacks {
				files := main(config)
				if c.lock != "" {
					files[cache.LockFile] = c.lock
				}
				o := network(r.options(files), m)
				o.Stack, o.StateDir = fmt.Sprint("s", i), filepath.Join(r.State, fmt.Sprint(i))
				o.Asked = asked
				all = append(all, o)
			}
			var wg sync.WaitGroup
			for i, o := range all[:stacks-1] {
				wg.Go(func() { _, errs[i] = Init(t.Context(), o) })
			}
			wg.Wait()
			_, errs[stacks-1] = Init(t.Context(), all[stacks-1])
			if err := errors.Join(errs...); err != nil {
				t.Fatal(err)
			}
			if n := m.Downloads.Load() - before; n != 1 {
				t.Errorf("%d downloads", n)
			}
			for _, o := range all {
				if got := lockedChecksum(t, o); !strings.Contains(got, checksum) || c.lock == "" && got != lock {
					t.Errorf("%s was initialised with this lock file:\n%s", o.Stack, got)
				}
			}
		})
	}
}
