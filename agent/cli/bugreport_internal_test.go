package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sallyport/agent/datadir"
	"sallyport/store"
)

// planted are secrets, each in a place of its own, and what a report must not hold besides: values of plans and variables.
var planted = map[string]string{
	"a credential":              "canary-credential-1234",
	"a file":                    "canary-file-1234",
	"the environment":           "canary-environment-1234",
	"the environment, unnamed":  "canary-unnamed-1234",
	"a literal token":           "canary-literal-1234",
	"a misspelled token":        "canary-misspelled-1234",
	"a local":                   "canary-local-1234",
	"a variable":                "canary-variable-1234",
	"a comment":                 "canary-comment-1234",
	"a receiver's address":      "canary-receiver-1234",
	"a URL":                     "canary-userinfo-1234",
	"a plan":                    "canary-plan-1234",
	"an address in a plan":      "canary_address_1234",
	"what terraform said":       "canary-terraform-1234",
	"a log, below the first":    "canary-logged-1234",
	"Slack's token in a log":    "xoxb-1234567890-canary",
	"an app's token in a log":   "xapp-1-canary-1234567890",
	"GitHub's token in a log":   "ghp_canarycanarycanarycanary",
	"a variable's file":         "canary-tfvars-1234",
	"a state":                   "canary-state-1234",
	"the drop-in of a service":  "canary-dropin-1234",
	"the log of a run's apply ": "canary-run-log-1234",
}

// installation makes one with a secret in every place, and returns the report's arguments but for its file. It is all below dir.
func installation(t *testing.T, dir, config string) (args, environ []string) {
	t.Helper()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config = strings.ReplaceAll(config, "@DIR@", dir)
	for what, value := range planted {
		config = strings.ReplaceAll(config, "@"+what+"@", value)
	}
	write("credentials/slack-bot-token", planted["a credential"]+"\n")
	write("secret", planted["a file"]+"\n")
	path := write("sallyport.hcl", config)
	write("data/runs/1/apply.log", planted["the log of a run's apply "])
	write("data/state/ghe.tfstate", planted["a state"])
	write("data/prod.tfvars", "x = \""+planted["a variable's file"]+"\"")
	write("service.d/override.conf", "[Service]\nEnvironment=X="+planted["the drop-in of a service"])
	log := write("agent.log", `level=INFO msg=notice run=1 text="ghe #1 is planned\n  + `+planted["a log, below the first"]+` \"quoted\"\nand on"
level=ERROR msg="polling `+planted["a credential"]+` https://jane:`+planted["a URL"]+`@git/x https://`+planted["a URL"]+`@git/x"
level=ERROR err="`+planted["Slack's token in a log"]+" "+planted["an app's token in a log"]+" "+planted["GitHub's token in a log"]+` `+planted["the environment"]+`"
level=WARN msg="run moved" run=1 from=applying to=errored text="creating the disk: Output: `+planted["what terraform said"]+`"
level=INFO msg="the last line"
`)
	s, err := store.Open(store.Options{Path: datadir.Store(filepath.Join(dir, "data")), Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(func(tx *store.Tx) error {
		if err := seed(tx); err != nil {
			return err
		}
		_, err := tx.ChangeRun(1, func(r *store.Run) error {
			r.Error = "creating the disk: Output: " + planted["what terraform said"] + "\n\nError: creating the disk\n  value = " + planted["what terraform said"]
			r.Plan.Changes[0].Address = planted["an address in a plan"]
			r.HookNotes[0].Text = planted["a plan"]
			r.Reason = "with " + planted["the environment"] + "\nand " + planted["a file"]
			return nil
		})
		return errors.Join(err, tx.PutPlanText(1, planted["a plan"]))
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", path, "--log", log, "--yes"},
		[]string{"PATH=" + os.Getenv("PATH"), "PLANTED=" + planted["the environment"], "UNNAMED=" + planted["the environment, unnamed"]}
}

// validConfig is read as a whole, and brokenConfig is not; both have secrets wherever one may stand.
const (
	validConfig = `# @a comment@
data_dir = "@DIR@/data"
socket   = "@DIR@/s.sock"
locals { password = "@a local@" }
repository "infra" {
  url   = "https://127.0.0.1:1/ops/infra.git"
  token = "@a literal token@"
}
slack {
  token     = credential("slack-bot-token")
  channel   = "C0123456789"
  approvers = ["U01ABCDEF"]
  api_url   = "http://127.0.0.1:1/"
}
notify "pager" {
  events  = ["waiting"]
  url     = "http://127.0.0.1:1/@a receiver's address@"
  headers = { Authorization = "Bearer ${file("secret")}" }
}
stack "ghe" {
  dir  = "ghe"
  vars = { a = local.password, b = "@a variable@", c = file("secret") }
  env  = { X = env("PLANTED") }
}
`
	brokenConfig = validConfig + `
slack {
  tokn = "@a misspelled token@"
}
repository "other" {
  url = "https://jane:@a URL@@127.0.0.1:1/x.git"
}
`
)

// reportOf makes a report, and returns its files, what was said and the exit code.
func reportOf(t *testing.T, config string) (files map[string]string, said string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	args, environ := installation(t, dir, config)
	file := filepath.Join(dir, "report.tar.gz")
	var out, errs bytes.Buffer
	code := Main(Invocation{Args: append([]string{"bugreport", file}, args...), Stdout: &out, Stderr: &errs, Stdin: strings.NewReader(""),
		Environ: environ, Version: "1.2.3", Now: clock})
	if info, err := os.Stat(file); err != nil || code != 0 || info.Mode() != 0o600 {
		t.Fatalf("exit code %d, %v, %v\n%s%s", code, info, err, out.String(), errs.String())
	}
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	zip, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]string{}
	for in := tar.NewReader(zip); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, out.String() + errs.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(head.Name, "sallyport-bugreport/")] = string(text)
	}
}

// A secret is in no part of a report, wherever it was, and neither is anything of plans, states and variables; what is left is of use.
func TestBugreportHoldsNoSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		config string
		parts  []string
		told   map[string]string
	}{
		"a configuration that is good": {validConfig, []string{"config.json"}, map[string]string{
			"config.json": `"Dir": "ghe"`, "config/sallyport.hcl": `token     = credential("slack-bot-token")`, "doctor.txt": "repository infra",
		}},
		"a broken one": {brokenConfig, []string{"config.txt"}, map[string]string{
			"config.txt": `Duplicate slack block`, "config/sallyport.hcl": `tokn = "(left out)"`, "doctor.txt": `Duplicate slack block`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			files, said := reportOf(t, tc.config)
			for file, text := range files {
				for what, value := range planted {
					if strings.Contains(text, value) {
						t.Errorf("%s shows %s, %q:\n%s", file, what, value, text)
					}
				}
			}
			want := append([]string{"README.txt", "versions.txt", "config/sallyport.hcl", "doctor.txt", "status.json", "audit.txt", "store.txt", "log.txt",
				"service.txt", "machine.txt"}, tc.parts...)
			for _, part := range want {
				if files[part] == "" || !strings.Contains(said, part+" ") {
					t.Errorf("%s is missing, or nobody was told:\n%s", part, said)
				}
			}
			if len(files) != len(want) {
				t.Errorf("%d parts, not %d: %s", len(files), len(want), said)
			}
			tc.told["versions.txt"] = "sallyport 1.2.3 "
			tc.told["status.json"] = `"error": "creating the disk (...)"`
			tc.told["audit.txt"] = "the chain of hashes holds"
			tc.told["store.txt"] = "the store is what was written"
			tc.told["log.txt"] = `text="ghe #1 is planned (...)"` + "\n"
			tc.told["machine.txt"] = "MemTotal"
			for file, text := range tc.told {
				if !strings.Contains(files[file], text) {
					t.Errorf("%s does not say %q:\n%s", file, text, files[file])
				}
			}
			if !slices.Contains(strings.Split(files["log.txt"], "\n"), `level=INFO msg="the last line"`) {
				t.Errorf("the log ends before its end:\n%s", files["log.txt"])
			}
		})
	}
}
