package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"sallyport/agent/config"
	"sallyport/agent/packer"
	"sallyport/agent/repo"
	"sallyport/notify/redact"
)

// TestImagePlugins: what a template asks for and is not there is told, and what to do, before a plan fails for it.
func TestImagePlugins(t *testing.T) {
	t.Parallel()
	const source = "github.com/hashicorp/amazon"
	const asks = "packer {\n  required_plugins {\n    amazon = {\n      source  = \"" + source + "\"\n      version = \"~> 1\"\n    }\n  }\n}\n"
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		syscall.ForkLock.RLock() // a process that starts meanwhile holds the file open, and it cannot be run
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return file
	}
	put("checkout/images/a.pkr.hcl", asks)
	put("checkout/plain/a.pkr.hcl", "build {}\n")
	plugin := "plugins/" + source + "/packer-plugin-amazon_v1.3.9_x5.0_" + runtime.GOOS + "_" + runtime.GOARCH
	put(plugin, "")
	put(plugin+"_SHA256SUM", "")
	tree, err := repo.OnDisk(filepath.Join(dir, "checkout"))
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		name, version, dir, path, user string
		level                          Level // empty: not a word
		text, hint                     string
	}{
		{"there", "1.14.2", "images", "plugins", "", OK, source + " ~> 1: all are there", ""},
		{"not there", "1.14.2", "images", "none", "", Warn, "none: " + source + " ~> 1; the next plan fetches", packer.OfflineHint},
		{"not in the agent's home", "1.14.2", "images", "", "", Warn, ".config/packer/plugins or ", packer.OfflineHint},
		{"another user's home", "1.14.2", "images", "", "tf", Warn, "fetches each anew", packer.OfflineHint},
		{"another user, and a directory", "1.14.2", "images", "plugins", "tf", OK, "are there", ""},
		{"too old", "1.6.6", "images", "plugins", "", Fail, "packer 1.6.6 knows no required_plugins", packer.OldHint("1.6.6")},
		{"none asked for", "1.6.6", "plain", "", "", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			binary := put(fmt.Sprintf("packer-%d", i), "#!/bin/sh\necho 1,,version,"+test.version+"\n")
			d := &doctor{cfg: &config.Config{DataDir: filepath.Join(dir, "data"), Terraform: config.Terraform{User: test.user}}, redactor: redact.New()}
			st := &config.Stack{Name: "node", Engine: config.EnginePacker, Dir: test.dir, Template: ".", Tool: config.Tool{Engine: config.EnginePacker, Binary: binary}}
			if test.path != "" {
				st.Env = map[string]redact.Secret{packer.PluginPath: redact.NewSecret(filepath.Join(dir, test.path))}
			}
			var got Check
			for _, c := range d.checkImage(t.Context(), d.section("image node"), st, tree).checks {
				if c.Name == "plugins" {
					got = *c
				} else if c.Level != OK {
					t.Errorf("%+v", c)
				}
			}
			if got.Level != test.level || !strings.Contains(got.Text, test.text) || got.Hint != test.hint {
				t.Errorf("%+v, want %s %q %q", got, test.level, test.text, test.hint)
			}
		})
	}
}
