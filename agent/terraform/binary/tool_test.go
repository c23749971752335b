package binary

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/agent/terraform/diag"
	"sallyport/agent/terraform/tftest"
)

func TestFind(t *testing.T) {
	t.Parallel()
	real := tftest.Terraform(t)
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name    string
		options Options
		want    string // path; empty: an error
		message string
		hint    string
	}{
		{name: "PATH", options: Options{}, want: real},
		{name: "binary", options: Options{Binary: real, Version: "9.9.9"}, want: real},
		{name: "not in PATH", options: Options{Lookup: func(string) (string, error) { return "", errors.New("nowhere") }},
			message: "nowhere", hint: "install terraform"},
		{name: "binary is gone", options: Options{Binary: filepath.Join(dir, "gone")}, message: "gone", hint: "terraform { binary }"},
		{name: "not a terraform", options: Options{Binary: script("other", "echo hello")}, message: "asking", hint: "is it a terraform"},
		{name: "too old", options: Options{Binary: script("old", `echo '{"terraform_version": "0.12.31"}'`)},
			message: "0.12.31, which is too old", hint: "1.1.0 or newer"},
		{name: "not a version", options: Options{Version: "latest", InstallDir: dir}, message: `"latest"`},
		{name: "no place to install", options: Options{Version: "1.11.4"}, message: "directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Find(t.Context(), c.options)
			if c.want != "" {
				digest, _, _ := Digest(c.want)
				if err != nil || got.Path != c.want || got.Digest != digest || !got.AtLeast(1, 1) {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("error %v, want something with %q", err, c.message)
			}
			var failed *diag.Error
			if c.hint != "" && (!errors.As(err, &failed) || !strings.Contains(failed.Hint, c.hint)) {
				t.Errorf("no hint with %q: %#v", c.hint, err)
			}
		})
	}
}

// What a terraform that is asked for its version works in lies where the agent sweeps, and is gone afterwards.
func TestToolIsAskedInTempDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary, home, temp := filepath.Join(dir, "terraform"), filepath.Join(dir, "home"), filepath.Join(dir, "data", "scratch")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\npwd >"+home+"\necho '{\"terraform_version\": \"1.11.4\"}'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), Options{Binary: binary, TempDir: temp}); err != nil {
		t.Fatal(err)
	}
	if in, err := os.ReadFile(home); err != nil || !strings.HasPrefix(string(in), temp+"/sallyport-version-") {
		t.Errorf("it was asked in %s, %v", in, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPinnedVersionIsInstalledOnce(t *testing.T) {
	t.Parallel()
	real := tftest.Terraform(t)
	dir := filepath.Join(t.TempDir(), "terraform")
	installs := 0
	o := Options{Version: "1.11.4", InstallDir: dir, Install: func(_ context.Context, version, into string) (string, error) {
		installs++
		path := filepath.Join(into, "terraform")
		script := "#!/bin/sh\nexec " + real + ` "$@"` + "\n"
		return path, os.WriteFile(path, []byte(script), 0o700)
	}}
	path := filepath.Join(dir, "1.11.4", "terraform")
	for n := range 3 {
		got, err := Find(t.Context(), o)
		if err != nil || got.Path != path || installs != 1 {
			t.Fatalf("round %d: %+v, %v, %d installs", n, got, err, installs)
		}
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho evil\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(t.Context(), o); err != nil || installs != 2 || got.Path != path {
		t.Errorf("a changed binary was used: %+v, %v, %d installs", got, err, installs)
	}

	o.Version = "1.11.5"
	o.Install = func(context.Context, string, string) (string, error) { return "", errors.New("no route to host") }
	_, err := Find(t.Context(), o)
	var failed *diag.Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "installing terraform 1.11.5: no route to host") ||
		!strings.Contains(failed.Hint, "releases.hashicorp.com") {
		t.Errorf("error %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".1*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
