package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnsafePrograms: what the configuration runs cannot be replaced by others; what a command is given to read may be theirs.
func TestUnsafePrograms(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"open": 0o777, "safe": 0o755} {
		if err := errors.Join(os.Mkdir(filepath.Join(dir, name), 0o700), os.Chmod(filepath.Join(dir, name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"open/hook": 0o755, "safe/hook": 0o755, "open/script": 0o644, "open/data": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	const head = "repository \"infra\" {\n  url = \"/srv/git/infra.git\"\n}\nstack \"ghe\" {\n  dir = \"ghe\"\n}\n"
	for _, c := range []struct {
		name, text string
		safe       bool
	}{
		{"a hook", `hooks { before_apply = ["DIR/safe/hook", "DIR/open"] }`, true},
		{"a hook where others write", `hooks { before_apply = ["DIR/open/hook"] }`, false},
		{"a hook that is not there yet", `hooks { before_apply = ["DIR/open/later"] }`, false},
		{"a script of a hook", `hooks { after_plan = ["/bin/sh", "DIR/open/script"] }`, false},
		{"data of a hook", `hooks { after_plan = ["DIR/safe/hook", "--from", "DIR/open/data"] }`, true},
		{"a backup command", "backup {\n  schedule = \"@daily\"\n  command = [\"DIR/open/hook\"]\n}", false},
		{"a terraform where others write", `terraform { binary = "DIR/open/hook" }`, false},
		{"a packer where others write", `packer { binary = "DIR/open/hook" }`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sallyport.hcl")
			if err := os.WriteFile(file, []byte(head+strings.ReplaceAll(c.text, "DIR", dir)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(file, LoadOptions{})
			if (err == nil) != c.safe || err != nil && !strings.Contains(err.Error(), "chmod 0755 "+dir+"/open") {
				t.Errorf("%v", err)
			}
		})
	}
	cfg := &Config{Stacks: []*Stack{{Hooks: &Hooks{BeforePlan: []string{"hook"}}}}}
	if err := cfg.CheckPrograms(dir + "/open"); err == nil || !strings.Contains(err.Error(), "hook from PATH: "+dir+"/open may be written") {
		t.Errorf("a program of PATH: %v", err)
	}
	if err := cfg.CheckPrograms(dir + "/safe:" + dir + "/open"); err != nil {
		t.Errorf("the first of PATH counts: %v", err)
	}
}
