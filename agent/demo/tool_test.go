package demo

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/hint"
	"sallyport/agent/terraform/release"
	"sallyport/agent/terraform/tftest"
)

// bin is a directory with programs of these names, which say that they are of this version or, if that is empty, are the
// real terraform.
func bin(t *testing.T, version string, names ...string) string {
	t.Helper()
	script := "#!/bin/sh\necho '{\"terraform_version\":\"" + version + "\"}'\n"
	if version == "" {
		script = "#!/bin/sh\nexec " + tftest.Terraform(t) + " \"$@\"\n"
	}
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestWhichTool: terraform before tofu, tofu before a download, and a download once.
func TestWhichTool(t *testing.T) {
	real := filepath.Join(bin(t, "", "terraform"), "terraform")
	both, tofu, old, none := bin(t, "1.9.0", "terraform", "tofu"), bin(t, "1.9.0", "tofu"), bin(t, "1.3.9", "terraform"), t.TempDir()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	kept := filepath.Join(home, ".cache", "sallyport", "terraform", release.Proven, "terraform")
	var said bytes.Buffer
	site := tftest.NewReleases(t, release.Proven, real)
	from := release.Site{URL: site.URL, PublicKey: site.PublicKey, Progress: &said}
	for _, c := range []struct{ name, path, want string }{
		{"both", both, filepath.Join(both, "terraform")},
		{"an old terraform, and tofu", old + ":" + tofu, filepath.Join(tofu, "tofu")},
		{"an old terraform", old, kept},
		{"nothing", none, kept},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			tool, err := findTool(t.Context(), from)
			if err != nil || tool.Path != c.want {
				t.Fatalf("it is %s, %v, not %s", tool.Path, err, c.want)
			}
			s, err := newStage(stageOptions{tool: tool, executable: "sallyport"})
			if err != nil {
				t.Fatal(err)
			}
			if named := strings.Contains(s.text, `= "tofu"`); named != (filepath.Base(c.want) == "tofu") {
				t.Errorf("the configuration is\n%s", s.text)
			}
			if err := s.remove(); err != nil {
				t.Error(err)
			}
		})
	}
	if n := strings.Count(said.String(), "downloading terraform "+release.Proven+" from "+site.URL); n != 1 || site.Downloads.Load() != 1 {
		t.Errorf("said %q after %d downloads", said.String(), site.Downloads.Load())
	}
}

func TestNoTerraform(t *testing.T) {
	site := tftest.NewReleases(t, release.Proven, tftest.Terraform(t))
	site.Close()
	for name, c := range map[string]struct{ path, says string }{
		"missing": {t.TempDir(), "finding terraform: "},
		"too old": {bin(t, "1.3.9", "terraform"), "/terraform is 1.3.9; "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := tempDir(t)
			t.Setenv("TMPDIR", dir)
			t.Setenv("HOME", t.TempDir())
			t.Setenv("XDG_CACHE_HOME", "")
			t.Setenv("PATH", c.path)
			err := Run(t.Context(), Options{Yes: true, Stdout: io.Discard, releases: release.Site{URL: site.URL}})
			if err == nil || !strings.Contains(hint.Of(err), "terraform/install") {
				t.Fatalf("error %v, hint %q", err, hint.Of(err))
			}
			for _, tried := range []string{c.says, "finding tofu: ", "connection refused", "tried: from " + site.URL} {
				if !strings.Contains(err.Error(), tried) || strings.Contains(err.Error(), "\n") {
					t.Errorf("not one line with %q: %v", tried, err)
				}
			}
			if names := left(t, dir); len(names) > 0 {
				t.Errorf("left behind: %v", names)
			}
		})
	}
}
