package packer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/need"
)

const asks = `packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.2"
    }
  }
}
source "file" "one" {
  content = "x"
  target  = "out"
}
build {
  sources = ["source.file.one"]
}
`

// TestPlugins reads what templates ask for, as far as it is a constant.
func TestPlugins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, template string
		files          map[string]string
		want           []string
	}{
		{"one file", "a.pkr.hcl", map[string]string{"i/a.pkr.hcl": asks, "i/b.pkr.hcl": strings.ReplaceAll(asks, "amazon", "qemu")}, []string{"github.com/hashicorp/amazon ~> 1.2"}},
		{"all of a directory", ".", map[string]string{"i/a.pkr.hcl": asks, "i/b.pkr.hcl": strings.ReplaceAll(asks, "amazon", "qemu"), "i/c.pkr.hcl": asks, "i/x.hcl": strings.ReplaceAll(asks, "amazon", "x")},
			[]string{"github.com/hashicorp/amazon ~> 1.2", "github.com/hashicorp/qemu ~> 1.2"}},
		{"HCL in JSON", ".", map[string]string{"i/a.pkr.json": `{"packer": {"required_plugins": {"amazon": {"source": "github.com/hashicorp/amazon"}}}}`}, []string{"github.com/hashicorp/amazon"}},
		{"a template in JSON", "a.json", map[string]string{"i/a.json": `{"packer": {"required_plugins": {"amazon": {"source": "github.com/hashicorp/amazon"}}}}`}, nil},
		{"no source that can be read", "a.pkr.hcl", map[string]string{"i/a.pkr.hcl": "packer {\n  required_plugins {\n    amazon = var.x\n  }\n}\n"}, []string{"amazon"}},
		{"no block", "a.pkr.hcl", map[string]string{"i/a.pkr.hcl": "packer {\n  required_version = \">= 1.7\"\n}\n"}, nil},
		{"no HCL", "a.pkr.hcl", map[string]string{"i/a.pkr.hcl": "}{"}, nil},
		{"no file", "a.pkr.hcl", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for name, text := range test.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			var got []string
			for _, p := range Plugins(files, "i", test.template) {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestMissing looks for plugins in the way of Packer's: by source, name, version and machine, with a checksum.
func TestMissing(t *testing.T) {
	t.Parallel()
	const source = "github.com/hashicorp/amazon"
	machine := "_" + runtime.GOOS + "_" + runtime.GOARCH
	for _, test := range []struct {
		name, constraint string
		files            []string
		there            bool
	}{
		{"it is there", "~> 1.2", []string{"packer-plugin-amazon_v1.3.9_x5.0" + machine, "packer-plugin-amazon_v1.3.9_x5.0" + machine + "_SHA256SUM"}, true},
		{"any version", "", []string{"packer-plugin-amazon_v1.3.9_x5.0" + machine, "packer-plugin-amazon_v1.3.9_x5.0" + machine + "_SHA256SUM"}, true},
		{"another version", "~> 2.0", []string{"packer-plugin-amazon_v1.3.9_x5.0" + machine, "packer-plugin-amazon_v1.3.9_x5.0" + machine + "_SHA256SUM"}, false},
		{"no checksum", "~> 1.2", []string{"packer-plugin-amazon_v1.3.9_x5.0" + machine}, false},
		{"another machine", "~> 1.2", []string{"packer-plugin-amazon_v1.3.9_x5.0_plan9_mips", "packer-plugin-amazon_v1.3.9_x5.0_plan9_mips_SHA256SUM"}, false},
		{"nothing", "~> 1.2", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, source, "README"), "")
			for _, name := range test.files {
				write(t, filepath.Join(dir, source, name), "")
			}
			wants := []Plugin{{Name: "amazon", Source: source, Version: test.constraint}}
			search := Search{PluginPath: t.TempDir() + string(filepath.ListSeparator) + dir, OtherUser: true}
			if got := search.For(wants); (len(got.Missing) == 0) != test.there {
				t.Errorf("missing: %v", got)
			}
		})
	}
	wants := []Plugin{{Name: "x"}, {Name: "y", Source: "../../etc"}}
	if got := (Search{Home: t.TempDir()}).For(wants); len(got.Missing) != 2 {
		t.Errorf("missing: %v", got)
	}
	// What cannot be read may hold the plugin: it is not called missing.
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if got := (Search{PluginPath: file}).For([]Plugin{{Name: "amazon", Source: source}}); len(got.Hidden) != 1 || !strings.Contains(got.String(), "cannot be told") {
		t.Errorf("%+v: %s", got, got)
	}
}

// offline is what packer init says where no name can be resolved, as packer 1.14 writes it to its machine-readable output.
const offline = `1,,ui,error,Failed getting the "github.com/hashicorp/amazon" plugin:
1,,ui,error,1 error occurred:\n	* Get "https://api.github.com/repos/hashicorp/packer-plugin-amazon/git/matching-refs/tags": dial tcp: lookup api.github.com: no such host\n\n`

// TestHints: what to do is told by what Packer says, and by how old it is.
func TestHints(t *testing.T) {
	t.Parallel()
	wants := []Plugin{{Name: "amazon", Source: "github.com/hashicorp/amazon"}}
	for _, test := range []struct {
		name, verb, said, version string
		wants                     []Plugin
		hint                      string
	}{
		{"too old", "validate", "Error: Unsupported block type", "1.6.6", wants, "packer 1.6.6 does not know: it needs packer 1.7"},
		{"offline", "init", "dial tcp", "1.14.2", wants, "PACKER_PLUGIN_PATH"},
		{"not installed", "validate", "Error: Missing plugins\n\nThe following plugins are required, but not installed:\n\n* github.com/hashicorp/amazon >= 1.2.8\n\nDid you run packer init for this project ?", "1.11.0", wants, "PACKER_PLUGIN_PATH"},
		{"not asked for", "validate", "Error: Unknown source amazon-ebs\n\nThe source amazon-ebs is unknown by Packer, and is likely part of a plugin that is not installed.", "1.14.2", nil, "required_plugins"},
		{"another fault", "validate", "Error: target required", "1.14.2", wants, "mend the template"},
		{"another fault of an old one", "validate", "Error: target required", "1.6.6", nil, "mend the template"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := hintFor(test.verb, test.said, test.version, test.wants); !strings.Contains(got, test.hint) {
				t.Errorf("%q, want %q", got, test.hint)
			}
		})
	}
	for number, knows := range map[string]bool{"1.6.6": false, "1.7.0": true, "1.7.0-dev": true, "1.15.4": true, "odd": true} {
		if KnowsPlugins(number) != knows {
			t.Errorf("%s: %v", number, !knows)
		}
	}
}

// standIn is a packer of a version that has init. It writes down its calls, and ends init as it is told.
func standIn(t *testing.T, inits string) (file string, calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	file, log := filepath.Join(dir, "packer"), filepath.Join(dir, "calls")
	write(t, file, fmt.Sprintf(`#!/bin/sh
echo "$*" >>%s
case $1 in
init) %s ;;
validate) echo '1,,ui,say,The configuration is valid.' ;;
inspect) printf '1,,ui,say,> builds:\\n\\n  > <unnamed build 0>:\\n\\n    sources:\\n\\n      file.one\\n\n' ;;
esac
`, log, inits))
	return file, func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSpace(string(text)), "\n")
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock() // a process that starts meanwhile holds the file open, and it cannot be run
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

func planned(t *testing.T, tool Tool, template string) (*PlanResult, error) {
	t.Helper()
	source := t.TempDir()
	write(t, filepath.Join(source, "node", "node.pkr.hcl"), template)
	return Plan(t.Context(), PlanOptions{
		Tool: tool, Image: "node", Source: source, OutDir: t.TempDir(), Dir: "node", Template: "node.pkr.hcl", Home: t.TempDir(),
		Belongs: func(string) bool { return true }, Redact: func(s string) string { return strings.ReplaceAll(s, "hashicorp", "***") },
	})
}

// TestInit: what a template asks for is fetched before it is looked at, and only then.
func TestInit(t *testing.T) {
	t.Parallel()
	const look = "validate -machine-readable node.pkr.hcl,inspect -machine-readable node.pkr.hcl"
	for name, test := range map[string]struct{ template, want string }{
		"plugins":    {asks, "init -machine-readable node.pkr.hcl," + look},
		"no plugins": {asks[strings.Index(asks, "source \"file\""):], look},
	} {
		t.Run(name, func(t *testing.T) {
			file, calls := standIn(t, `echo '1,,ui,say,Installed plugin github.com/hashicorp/amazon v1.3.9 in "x"'`)
			result, err := planned(t, Tool{Path: file, Version: "1.14.2"}, test.template)
			if err != nil || !slices.Equal(result.Builds, []string{"file.one"}) {
				t.Fatalf("%+v: %v", result, err)
			}
			if got := strings.Join(calls(), ","); got != test.want {
				t.Errorf("called %q, want %q", got, test.want)
			}
		})
	}
	file, calls := standIn(t, "cat <<'E'\n"+offline+"\nE\nexit 1")
	_, err := planned(t, Tool{Path: file, Version: "1.14.2"}, asks)
	hint, ok := err.(interface{ UserHint() string })
	if !ok || hint.UserHint() != OfflineHint {
		t.Fatalf("%v", err)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	want := `packer init: Failed getting the "github.com/***/amazon" plugin: Get "https://api.github.com/repos/***/packer-plugin-amazon/git/matching-refs/tags": dial tcp: lookup api.github.com: no such host`
	if first != want {
		t.Errorf("%q, want %q", first, want)
	}
	if got := calls(); len(got) != 1 {
		t.Errorf("it went on: %q", got)
	}
}

// TestOldPacker asks the real one, which here is 1.6: it has no init, and takes the block for a mistake.
func TestOldPacker(t *testing.T) {
	t.Parallel()
	need.Program(t, "packer")
	file, err := exec.LookPath("packer")
	if err != nil {
		t.Fatal(err)
	}
	number, err := Version(t.Context(), file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if KnowsPlugins(number) {
		need.Skip(t, "packer older than 1.7", "packer "+number+" knows required_plugins")
	}
	_, err = planned(t, Tool{Path: file, Version: number}, asks)
	hint, ok := err.(interface{ UserHint() string })
	if !ok || hint.UserHint() != OldHint(number) || !strings.Contains(hint.UserHint(), "packer 1.7 or newer") || !strings.HasPrefix(err.Error(), "packer validate: Unsupported block type") {
		t.Errorf("%v", err)
	}
}

// TestVariables reads which variables a template declares, in all ways in which it can.
func TestVariables(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"i/a.pkr.hcl":  {Data: []byte("variable \"size\" {}\nvariables {\n  a = 1\n  b = 2\n}\n")},
		"i/b.pkr.json": {Data: []byte(`{"variable": {"json": {}}}`)},
		"i/old.json":   {Data: []byte(`{"variables": {"y": "1", "x": null}}`)},
		"w/a.pkr.hcl":  {Data: []byte("variable \"size\" {}\nsource {{\n")},
	}
	for _, test := range []struct {
		dir, template, want string
		whole               bool
	}{
		{"i", ".", "size a b json", true}, {"i", "a.pkr.hcl", "size a b", true}, {"i", "old.json", "x y", true}, {"i", "none.json", "", false}, {"w", ".", "size", false},
	} {
		names, whole := Variables(files, test.dir, test.template)
		if got := strings.Join(names, " "); got != test.want || whole != test.whole {
			t.Errorf("%s/%s: %q, %v", test.dir, test.template, got, whole)
		}
	}
}
