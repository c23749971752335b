package release_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"sallyport/agent/need"
	"sallyport/agent/terraform/release"
	"sallyport/agent/terraform/tftest"
)

// binary is a file that stands for terraform.
func binary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "terraform")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\necho it is terraform\n"), 0o755))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCachedIsDownloadedAndVerifiedOnce(t *testing.T) {
	want := binary(t)
	site := tftest.NewReleases(t, release.Proven, want)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	var out strings.Builder
	from := release.Site{URL: site.URL, PublicKey: site.PublicKey, Progress: &out}
	for range 2 {
		path, err := release.Cached(t.Context(), from)
		must(t, err)
		if in := filepath.Join(home, ".cache", "sallyport", "terraform", release.Proven, "terraform"); path != in {
			t.Errorf("it is at %s, not %s", path, in)
		}
		wanted, err := os.ReadFile(want)
		must(t, err)
		if got, err := os.ReadFile(path); err != nil || string(got) != string(wanted) {
			t.Errorf("it is %q, %v", got, err)
		}
	}
	if n := site.Downloads.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
	said := "terraform is not on PATH: downloading terraform 1.11.4 from " + site.URL + " into " + home + "/.cache/sallyport/terraform, this once\n" +
		"  0.0 MB: 10% 20% 30% 40% 50% 60% 70% 80% 90% 100%\n"
	if out.String() != said {
		t.Errorf("said %q, want %q", out.String(), said)
	}
	// What is kept is used without the site.
	site.Close()
	if _, err := release.Cached(t.Context(), from); err != nil {
		t.Error(err)
	}
}

func TestCachedSaysWhatWasTried(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*tftest.Releases)
		key   bool // HashiCorp's own is asked for
		says  string
	}{
		"nobody there":      {spoil: func(r *tftest.Releases) { r.Close() }, says: "connection refused"},
		"a changed archive": {spoil: (*tftest.Releases).Spoil, says: "checksum does not match"},
		"somebody else's":   {key: true, says: "unable to verify checksums signature"},
		"another version":   {spoil: func(r *tftest.Releases) { r.URL += "/elsewhere" }, says: "404"},
		"the disk says no":  {says: "making the directory"},
		"there is no cache": {says: "there is no place to keep terraform in"},
	} {
		t.Run(name, func(t *testing.T) {
			site := tftest.NewReleases(t, release.Proven, binary(t))
			if c.spoil != nil {
				c.spoil(site)
			}
			from := release.Site{URL: site.URL, PublicKey: site.PublicKey}
			if c.key {
				from.PublicKey = ""
			}
			home := t.TempDir()
			t.Setenv("HOME", home)
			t.Setenv("XDG_CACHE_HOME", "")
			switch name {
			case "the disk says no":
				must(t, os.WriteFile(filepath.Join(home, ".cache"), nil, 0o600))
			case "there is no cache":
				t.Setenv("HOME", "")
			}
			_, err := release.Cached(t.Context(), from)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(strings.TrimSpace(err.Error()), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.says)
			}
			left, _ := filepath.Glob(filepath.Join(home, ".cache", "sallyport", "terraform", "*"))
			if left = slices.DeleteFunc(left, func(f string) bool { return filepath.Base(f) == ".lock" }); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestTruncatedBinaryIsRefused: hc-install does not tell when the disk is full.
func TestTruncatedBinaryIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96k"); err != nil {
		need.Skip(t, "no small disk can be mounted", err.Error())
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	big := filepath.Join(t.TempDir(), "terraform")
	must(t, os.WriteFile(big, make([]byte, 60<<10), 0o755))
	site := tftest.NewReleases(t, "1.2.3", big)
	path, err := release.Install(t.Context(), release.Options{Version: "1.2.3", Dir: dir, Fetch: release.Site{URL: site.URL, PublicKey: site.PublicKey}.Fetch})
	if err == nil || !strings.Contains(err.Error(), "unpack") {
		t.Errorf("%s, error %v", path, err)
	}
}

// TestManyWantOne: whoever comes while somebody downloads waits for that.
func TestManyWantOne(t *testing.T) {
	t.Parallel()
	site := tftest.NewReleases(t, "1.2.3", binary(t))
	dir := filepath.Join(t.TempDir(), "terraform")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := release.Install(t.Context(), release.Options{Version: "1.2.3", Dir: dir,
				Fetch: release.Site{URL: site.URL, PublicKey: site.PublicKey}.Fetch})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := site.Downloads.Load(); n != 1 {
		t.Errorf("%d downloads", n)
	}
}

// TestWaitingEndsWithTheContext: somebody else's download that hangs holds nobody for ever.
func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started, end := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_, _ = release.Install(t.Context(), release.Options{Version: "1.2.3", Dir: dir,
			Fetch: func(context.Context, string, string) (string, error) {
				close(started)
				<-end
				return "", errors.New("it hung")
			}})
	})
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := release.Install(ctx, release.Options{Version: "1.2.3", Dir: dir}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	close(end)
	all.Wait()
}
