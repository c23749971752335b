package bugreport_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/agent/bugreport"
	"sallyport/notify/redact"
)

// unpacked are the files of a report, by name.
func unpacked(t *testing.T, r *bugreport.Report) map[string]string {
	t.Helper()
	var packed bytes.Buffer
	if err := r.Write(&packed); err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for in := tar.NewReader(zip); ; {
		head, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil || head.Mode != 0o600 {
			t.Fatalf("%s: %v, mode %o", head.Name, err, head.Mode)
		}
		files[strings.TrimPrefix(head.Name, "sallyport-bugreport/")] = string(text)
	}
}

// A part that fails, panics, is too long or does not end says so in its place, and takes nothing from the others.
func TestCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make(chan struct{})
		defer close(forever)
		write := func(text string, err error) func(context.Context, io.Writer) error {
			return func(_ context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, text)
				return err
			}
		}
		parts := []bugreport.Part{
			{Name: "first.txt", Write: func(ctx context.Context, w io.Writer) error {
				<-ctx.Done()
				return nil
			}},
			{Name: "good.txt", Write: write("all is well, hunter2hunter2\n", nil)},
			{Name: "fails.txt", Write: write("half", errors.New("no route to hunter2hunter2\nvalue = 12"))},
			{Name: "panics.txt", Write: func(context.Context, io.Writer) error { panic("xoxb-123456789012") }},
			{Name: "urls.txt", Write: write("https://jane:can@ary/of@git/x https://canary@git/y ssh://git@host:22/z https://jane:canary@git/@v", nil)},
			{Name: "long.txt", Write: write(strings.Repeat("x", 2<<20), nil)},
			{Name: "slow.txt", Write: func(ctx context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, "begun")
				<-ctx.Done()
				return ctx.Err()
			}},
			{Name: "hangs.txt", Write: func(_ context.Context, w io.Writer) error {
				_, _ = io.WriteString(w, "begun")
				<-forever
				return nil
			}},
		}
		for i := range parts {
			parts[i].Within, parts[i].About = time.Minute, "about "+parts[i].Name
		}
		parts[0].Within = time.Hour // those after it have ended long before
		r, err := bugreport.Collect(t.Context(), time.Date(2026, 11, 30, 1, 2, 3, 0, time.UTC), parts, redact.New(redact.NewSecret("hunter2hunter2")))
		if err != nil {
			t.Fatal(err)
		}
		files := unpacked(t, r)
		for name, want := range map[string]string{
			"good.txt":   "all is well, (redacted)\n",
			"fails.txt":  "half\n(not complete: no route to (redacted) (...))\n",
			"panics.txt": "met while making panics.txt of a bug report: (redacted)",
			"urls.txt":   "https://git/x https://git/y ssh://git@host:22/z https://v",
			"long.txt":   "xxx\n(not complete: it is longer than what is kept of it)\n",
			"slow.txt":   "begun\n(not complete: context deadline exceeded)\n",
			"hangs.txt":  "begun\n(not complete: it was not done within 1m0s)\n",
			"README.txt": "hangs.txt              about hangs.txt\n                       not complete: it was not done within 1m0s\n",
		} {
			if got := files[name]; !strings.Contains(got, want) {
				t.Errorf("%s is %q, and not %q", name, got[:min(len(got), 300)], want)
			}
		}
		if len(files) != len(parts)+1 || len(files["long.txt"]) > 1<<20+100 || r.Parts[2].Bytes != len(files["good.txt"]) {
			t.Errorf("%d files; %+v", len(files), r.Parts[2])
		}
		for _, p := range r.Parts[:3] {
			if p.Missing != "" {
				t.Errorf("%s: %s", p.Name, p.Missing)
			}
		}
	})
}

// Who gives up gets no report.
func TestCollectIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err := bugreport.Collect(ctx, time.Now(), []bugreport.Part{{Name: "a", Within: time.Hour, Write: func(ctx context.Context, _ io.Writer) error {
		cancel(enough)
		<-ctx.Done()
		return ctx.Err()
	}}}, redact.New())
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// What a file of the configuration shows: its shape, and no literal that may be a secret.
func TestSource(t *testing.T) {
	t.Parallel()
	env := func(name string) string { return map[string]string{"TOKEN": "of the environment"}[name] }
	for name, tc := range map[string]struct{ in, want, secrets string }{
		"a token":            {`slack { token = "hunter2" }`, `slack { token = "(left out)" }`, "hunter2"},
		"a function":         {`token = env("TOKEN")`, `token = env("TOKEN")`, "of the environment"},
		"glued together":     {`url = "https://x/${env("TOKEN")}"`, `url = "https://x/${env("TOKEN")}"`, "of the environment"},
		"what is no secret":  {"dir = \"ghe\"\napprovals = 3", "dir = \"ghe\"\napprovals = 3", ""},
		"variables":          {"vars = { a = \"x\", b = [1, \"y\"] }\ndir = \"ghe\"", "vars = { a = \"(left out)\", b = [(left out), \"(left out)\"] }\ndir = \"ghe\"", ""},
		"over several lines": {"env = {\n  A = \"x\"\n  B = \"y\"\n}\ndir = \"d\"", "env = {\n  A = \"(left out)\"\n  B = \"(left out)\"\n}\ndir = \"d\"", ""},
		"a long text":        {"vars = { a = <<EOT\nline\nEOT\n}\ndir = \"d\"", "vars = { a = <<EOT\n(left out)\nEOT\n}\ndir = \"d\"", ""},
		"locals":             {"locals {\n  a = \"x\"\n  b = { c = \"y\" }\n}\ndir = \"d\"", "locals {\n  a = \"(left out)\"\n  b = { c = \"(left out)\" }\n}\ndir = \"d\"", ""},
		"a receiver":         {`notify "a" { url = "https://hooks/T0" }`, `notify "a" { url = "(left out)" }`, "https://hooks/T0"},
		"a repository":       {`repository "a" { url = "https://git/x" }`, `repository "a" { url = "https://git/x" }`, ""},
		"a comment":          {"# token = \"hunter2\"\ndir = \"d\" // old\n", "#\ndir = \"d\" #\n", ""},
		"quotes forgotten":   {"slack {\n  token = hunter2\n  channel = \"C\"\n}", "slack {\n  token = (left out)\n  channel = \"C\"\n}", "hunter2"},
		"a local":            {"token = local.token\ndir = \"d\"", "token = local.token\ndir = \"d\"", ""},
		"misspelled":         {"slack {\n  tokn = \"x\"\n}\nlocal { a = \"y\" }", "slack {\n  tokn = \"(left out)\"\n}\nlocal { a = \"(left out)\" }", ""},
		"somebody's address": {`ping_url = "https://ping/uuid"`, `ping_url = "(left out)"`, "https://ping/uuid"},
		"no HCL":             {"slack {\n  token = \"hunter2\n  dir = ghe\n", "(left out): this file of 3 lines is no valid HCL\n", "hunter2|dir = ghe"},
		"not closed":         {`stack "ghe" { dir = "x"`, "(left out): this file of 0 lines is no valid HCL\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, secrets := bugreport.Source("a.hcl", []byte(tc.in), bugreport.Places{Base: t.TempDir(), Getenv: env})
			var found []string
			for _, s := range secrets.Known {
				found = append(found, s.Reveal())
			}
			if got != tc.want || strings.Join(found, "|") != tc.secrets {
				t.Errorf("got:\n%s\nwith %q; want:\n%s\nwith %q", got, found, tc.want, tc.secrets)
			}
		})
	}
}

// Nothing of a file that is cut anywhere shows what the whole file hides.
func TestSourceCutAnywhere(t *testing.T) {
	t.Parallel()
	const file = `# canary
locals { a = "canary" }
slack { token = "canary" }
stack "ghe" {
  vars = { a = "canary", b = <<EOT
canary
EOT
  }
  env = { A = "x${"canary"}y" }
}
`
	whole, _ := bugreport.Source("a.hcl", []byte(file), bugreport.Places{Getenv: func(string) string { return "" }})
	if strings.Contains(whole, "canary") || !strings.Contains(whole, "ghe") {
		t.Fatalf("the whole file shows:\n%s", whole)
	}
	for i := range file {
		for name, text := range map[string]string{"before": file[:i], "without": file[:i] + file[i+1:]} {
			if strings.Count(text, "canary") < 1 {
				continue
			}
			if got, _ := bugreport.Source("a.hcl", []byte(text), bugreport.Places{Getenv: func(string) string { return "" }}); strings.Contains(got, "canary") {
				t.Errorf("%s", fmt.Sprintf("cut %s byte %d:\n%s\nshows:\n%s", name, i, text, got))
			}
		}
	}
}

// What is said of a run goes on with commands and what they printed.
func TestSummary(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"no route":                            "no route",
		"local-exec: Output: a secret":        "local-exec (...)",
		"Error: no disk\n  value = a secret":  "Error (...)",
		"no disk\n  value = a secret":         "no disk (...)",
		"approved; frozen until Monday 09:00": "approved; frozen until Monday 09:00",
	} {
		if got := bugreport.Summary(text); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// A secret that cannot be read here cannot be looked for, which is said.
func TestUnreadSecrets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "here"), []byte("known\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const file = "a = [credential(\"here\"), credential(\"gone\"), credential(\"gone\"), file(\"gone\"), file(\"here\"), env(\"GONE\")]"
	_, secrets := bugreport.Source("a.hcl", []byte(file), bugreport.Places{Base: dir, Credentials: []string{"", dir}, Getenv: func(string) string { return "" }})
	if got, want := strings.Join(secrets.Unread, "|"), "credential gone|file "+filepath.Join(dir, "gone")+"|env GONE"; got != want || len(secrets.Known) != 2 {
		t.Errorf("%q cannot be read, %d are known; want %q", got, len(secrets.Known), want)
	}
}
