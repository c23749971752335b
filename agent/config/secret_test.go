package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config/decode"
	"sallyport/agent/need"
)

// TestSecretsNeverPrint prints everything of a configuration that is full of secrets in every way there is.
func TestSecretsNeverPrint(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, read(t, "testdata/good/full.hcl"))
	cfg.StackGlobs[0].Stack.Vars = cfg.Stacks[1].Vars
	things := []any{cfg, *cfg, cfg.Repositories[0], *cfg.Repositories[1], cfg.Slack, *cfg.Slack, cfg.StackGlobs[0], *cfg.StackGlobs[0],
		cfg.Stacks[1], *cfg.Stacks[1], cfg.Stacks, cfg.Notify, *cfg.Notify[0]}
	for i, thing := range things {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t"} {
			texts = append(texts, fmt.Sprintf(verb, thing))
		}
		data, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		var text, jsonText bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("loaded", "thing", thing)
		slog.New(slog.NewJSONHandler(&jsonText, nil)).Info("loaded", "thing", thing)
		texts = append(texts, string(data), text.String(), jsonText.String(), fmt.Sprint(thing))
		for _, text := range texts {
			if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("thing %d shows a secret: %s", i, text)
			}
		}
	}
	if !strings.Contains(fmt.Sprintf("%+v", *cfg.Stacks[1]), "region") {
		t.Error("names of variables may show")
	}
}

func TestMissingCredentials(t *testing.T) {
	text := read(t, "testdata/good/minimal.hcl") + `
stack "ghe" {
  dir  = "ghe"
  vars = { list = [env("NOT_SET"), "b"], map = { x = "${env("NOT_SET")}!" } }
  env  = { A = credential("gone") }
}

slack {
  token     = credential("slack")
  channel   = "C0123456789"
  approvers = ["U01ABCDEF"]
}
`
	for name, dir := range map[string]string{"no directory": "", "empty directory": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.opts.CredentialsDir = dir
			path := w.config(t, "sallyport.hcl", text)
			if n := len(w.faults(t, path).List()); n != 4 {
				t.Errorf("the agent gets %d faults, want 4", n)
			}
			w.opts.MissingCredentialsWarn = true
			cfg, err := Load(path, w.opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) != 3 {
				t.Errorf("warnings: %q, want one for each of three names", cfg.Warnings)
			}
			if !cfg.Slack.Token.IsZero() || len(cfg.Secrets) != 0 {
				t.Error("a secret out of nothing")
			}
			for name, v := range cfg.Stacks[1].Vars {
				if !v.IsWhollyKnown() || v.ContainsMarked() {
					t.Errorf("%s is not a plain value: %#v", name, v)
				}
			}

			// What else is wrong is still found, and the warnings are told beside it.
			faults := w.faults(t, w.config(t, "sallyport.hcl", text+"\nslack {\n}\n"))
			if len(faults.List()) != 1 || len(faults.Warnings) != 3 {
				t.Errorf("%v, warnings %q", faults, faults.Warnings)
			}
		})
	}
}

// TestSystemdCredentials: the modes in systemd's own directory are systemd's business; a directory that a person names is not.
func TestSystemdCredentials(t *testing.T) {
	w := newWorld(t)
	path := w.file(t, "credentials/open", canary, 0o644)
	config := w.config(t, "sallyport.hcl", read(t, "testdata/good/minimal.hcl")+"\ndefaults {\n  env = { A = credential(\"open\") }\n}\n")
	want := "chmod 0600 " + path
	if faults := w.faults(t, config); !strings.Contains(faults.Error(), want) {
		t.Errorf("got %v, want %s", faults, want)
	}
	dir := w.opts.CredentialsDir
	w.opts = LoadOptions{Getenv: func(name string) string { return map[string]string{"CREDENTIALS_DIRECTORY": dir}[name] }}
	cfg, err := Load(config, w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Stacks[0].Env["A"].Reveal(); got != canary {
		t.Errorf("got %q", got)
	}
}

func TestLiteralTokenWarns(t *testing.T) {
	w := newWorld(t)
	cfg := w.load(t, read(t, "testdata/good/minimal.hcl")+"\nslack {\n  token   = \"xoxb-"+canary+"\"\n  channel = \"C0123456789\"\n  approvers = [\"U01ABCDEF\"]\n}\n")
	if len(cfg.Warnings) != 1 || !strings.Contains(cfg.Warnings[0], ":10:13: token stands in the configuration itself") {
		t.Errorf("warnings: %q", cfg.Warnings)
	}
	if len(cfg.Secrets) != 1 || cfg.Secrets[0].Reveal() != "xoxb-"+canary {
		t.Error("a literal token is a secret for the redactor all the same")
	}
	if strings.Contains(strings.Join(cfg.Warnings, ""), canary) {
		t.Error("the warning shows it")
	}
}

func TestModes(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		mode os.FileMode
		want string // the command; "" is good
	}{
		"world readable":       {"conf/sallyport.hcl", 0o644, ""},
		"private":              {"conf/sallyport.hcl", 0o600, ""},
		"group writable":       {"conf/sallyport.hcl", 0o664, "`chmod 0644 @DIR@/conf/sallyport.hcl`"},
		"world writable":       {"conf/sallyport.hcl", 0o666, "`chmod 0644 @DIR@/conf/sallyport.hcl`"},
		"directory":            {"conf", 0o777, "`chmod 0755 @DIR@/conf`"},
		"sticky directory":     {"conf", 0o777 | os.ModeSticky, ""},
		"secret":               {"secret", 0o640, "`chmod 0600 @DIR@/secret`"},
		"secret, read-only":    {"secret", 0o444, "`chmod 0400 @DIR@/secret`"},
		"known hosts readable": {"known_hosts", 0o644, ""},
		"known hosts writable": {"known_hosts", 0o646, "`chmod 0644 @DIR@/known_hosts`"},
		"terraform writable":   {"terraform", 0o775, "`chmod 0755 @DIR@/terraform`"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file(t, "conf/deploy_key", "key", 0o600)
			path := w.config(t, "conf/sallyport.hcl", read(t, "testdata/good/full.hcl"))
			if err := os.Chmod(filepath.Join(w.dir, c.file), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, w.opts)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("got %v", err)
			case c.want != "" && (err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), w.dir, "@DIR@"), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
			w.opts.SkipModes = true
			if _, err := Load(path, w.opts); err != nil {
				t.Errorf("without modes: %v", err)
			}
		})
	}
}

// TestModesThroughLinks: who can write the directory that a link leads to can change the configuration.
func TestModesThroughLinks(t *testing.T) {
	w := newWorld(t)
	real := w.config(t, "real/sallyport.hcl", read(t, "testdata/good/minimal.hcl"))
	link := filepath.Join(w.dir, "sallyport.hcl")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(link, w.opts); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(real), 0o777); err != nil {
		t.Fatal(err)
	}
	if faults := w.faults(t, link); !strings.Contains(faults.Error(), "chmod 0755 "+filepath.Dir(real)) {
		t.Errorf("got %v", faults)
	}
}

func TestOwners(t *testing.T) {
	need.Root(t, "only root can give files away")
	w := newWorld(t)
	w.file(t, "conf/deploy_key", "key", 0o600)
	path := w.config(t, "conf/sallyport.hcl", read(t, "testdata/good/full.hcl"))
	if err := os.Chown(filepath.Join(w.dir, "secret"), 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, w.opts); err != nil {
		t.Errorf("root may read the secrets of the agent's user: %v", err)
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if faults := w.faults(t, path); !strings.Contains(faults.Error(), "`chown root "+path+"`") {
		t.Errorf("got %v", faults)
	}
}

// FuzzLoad: whatever stands in the file, there is a configuration or faults that can be shown, no panic and no secret.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.hcl", "testdata/good/*.hcl", "testdata/design.hcl"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		l := decode.NewReader(LoadOptions{Getenv: func(string) string { return canary }, CredentialsDir: dir, SkipModes: true}, dir)
		cfg, err := load(l, []decode.Source{{Name: "fuzz.hcl", Data: data}})
		if (cfg == nil) == (err == nil) {
			t.Fatalf("neither or both: %v, %v", cfg, err)
		}
		if faults, ok := err.(*Faults); ok {
			var b bytes.Buffer
			if err := faults.Render(&b, true, 80); err != nil {
				t.Fatal(err)
			}
			if text := b.String() + faults.Error(); strings.Contains(text, canary) && !bytes.Contains(data, []byte("canary")) {
				t.Fatalf("a secret shows:\n%s", text)
			}
		}
		if cfg != nil {
			stacks := cfg.Stacks
			for _, g := range cfg.StackGlobs {
				if s, err := g.StackFor("some/where"); err == nil {
					stacks = append(stacks, s)
				} else if strings.Contains(err.Error(), canary) && !bytes.Contains(data, []byte("canary")) {
					t.Fatalf("a secret shows: %v", err)
				}
			}
			for _, s := range stacks {
				for _, v := range s.Vars {
					if v == cty.NilVal || v.ContainsMarked() {
						t.Fatal("vars hold what no var file can")
					}
				}
			}
		}
	})
}
