package tftest

import (
	"strings"
	"testing"
)

func TestMirrorInstallsProviders(t *testing.T) {
	dir := t.TempDir()
	Write(t, dir, map[string]string{"main.tf": `
		terraform {
			required_providers {
				local = { source = "hashicorp/local" }
				time  = { source = "hashicorp/time" }
			}
		}`})
	env := Environment(t, CLIConfig(t, ProviderMirror(t)))
	Run(t, dir, env, "init")
	out := Run(t, dir, env, "version")
	for _, want := range []string{"hashicorp/local v1.4.0", "hashicorp/time v0.14.2"} {
		if !strings.Contains(out, want) {
			t.Errorf("terraform version does not mention %s:\n%s", want, out)
		}
	}
}

func TestEmptyMirrorHasNothing(t *testing.T) {
	dir := t.TempDir()
	Write(t, dir, map[string]string{"main.tf": `resource "local_file" "f" { filename = "f" }`})
	if out, code := Try(t, dir, Environment(t, ""), "init"); code == 0 {
		t.Fatalf("init found a provider in an empty mirror:\n%s", out)
	}
}
