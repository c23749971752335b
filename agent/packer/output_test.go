package packer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/store"
)

func recorded(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/amazon.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestRecorded reads what a builder of a cloud says: the image in each region, once though a manifest repeats it; and of a
// build that stops half-way what it has mentioned.
func TestRecorded(t *testing.T) {
	lines := recorded(t)
	var whole, half Output
	for i, l := range lines {
		whole.Add([]byte(l))
		if i < 6 {
			half.Add([]byte(l))
		}
	}
	want := []store.Artifact{
		{Builder: "amazon-ebs.ghe", ID: "ami-00aa11bb22cc33dd4", Region: "us-east-1"},
		{Builder: "amazon-ebs.ghe", ID: "ami-0ffee0ffee0ffee01", Region: "us-west-2"},
	}
	if d := cmp.Diff(want, whole.Artifacts); d != "" {
		t.Error(d)
	}
	if whole.Done() != 1 || len(whole.Open()) != 0 {
		t.Errorf("%d done, open %q", whole.Done(), whole.Open())
	}
	left := "amazon-ebs.ghe (packer_5fbe1a2b-77c1-9c3d-7f10-2f6d1c1f0a11, packer_5fbe1a2f-0d6e, i-0a1b2c3d4e5f60718)"
	if d := cmp.Diff([]string{left}, half.Open()); d != "" {
		t.Error(d)
	}
	if got := half.Current(); got != "amazon-ebs.ghe: Launching a source AWS instance..." {
		t.Errorf("at work: %q", got)
	}
}

// TestCanceled: packer says of a build that it was told to stop that it finished.
func TestCanceled(t *testing.T) {
	var o Output
	for _, l := range []string{
		"1,,ui,say,==> two: Running local shell script: /tmp/x", "1,,ui,say,Build 'one' finished after 4 milliseconds.",
		"1,,ui,error,Cancelling build after receiving interrupt", "1,,ui,say,Build 'two' finished after 997 milliseconds.",
	} {
		o.Add([]byte(l))
	}
	if o.Done() != 1 || len(o.Open()) != 1 || o.Open()[0] != "two" || !Stopping([]byte("x\n1,,ui,error,Cancelling build after receiving interrupt\n")) {
		t.Errorf("done %d, open %q", o.Done(), o.Open())
	}
}

func TestArtifacts(t *testing.T) {
	tests := map[string][]store.Artifact{
		"us-east-1:ami-1":                       {{ID: "ami-1", Region: "us-east-1"}},
		"eu-west-1:ami-1,us-east-1:ami-2":       {{ID: "ami-1", Region: "eu-west-1"}, {ID: "ami-2", Region: "us-east-1"}},
		"nyc3:12345":                            {{ID: "12345", Region: "nyc3"}},
		"sha256:0123abcd":                       {{ID: "sha256:0123abcd"}},
		"https://x.blob.core.windows.net/i.vhd": {{ID: "https://x.blob.core.windows.net/i.vhd"}},
		"packer-1600000000":                     {{ID: "packer-1600000000"}},
		"a,b":                                   {{ID: "a,b"}},
	}
	for id, want := range tests {
		if d := cmp.Diff(want, Artifacts("", id)); d != "" {
			t.Errorf("%s: %s", id, d)
		}
	}
}

// TestManifest takes the last run of a file that every run adds to.
func TestManifest(t *testing.T) {
	file := filepath.Join(t.TempDir(), ManifestFile)
	if got, err := ReadManifest(filepath.Dir(file), file); got != nil || err != nil {
		t.Fatal(got, err)
	}
	text := `{"builds": [{"name": "a", "artifact_id": "us-east-1:ami-old", "packer_run_uuid": "1"},
		{"name": "a", "artifact_id": "us-east-1:ami-new", "packer_run_uuid": "2"}], "last_run_uuid": "2"}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(filepath.Dir(file), file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]store.Artifact{{Builder: "a", ID: "ami-new", Region: "us-east-1"}}, got); d != "" {
		t.Error(d)
	}
}

// TestRecipeIsBound: a build is prepared from exactly what the recipe names, or not at all.
func TestRecipeIsBound(t *testing.T) {
	prepare := func(t *testing.T, change func(source, plan string)) error {
		source, plan, to := t.TempDir(), t.TempDir(), t.TempDir()
		for name, text := range map[string]string{"node/t.json": "{}", "node/setup.sh": "true", "other/x": "x"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(source, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := &Recipe{Dir: "node", Template: "t.json"}
		if err := r.collect(source, func(p string) bool { return strings.HasPrefix(p, "node/") }); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(plan, varsFile), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		if r.Vars, err = copyFile(filepath.Join(plan, varsFile), "", 0); err != nil {
			t.Fatal(err)
		}
		change(source, plan)
		_, err = r.Prepare(source, plan, to)
		if err == nil {
			for _, foreign := range []string{"src/other/x", "src/node/new"} {
				if _, e := os.Stat(filepath.Join(to, foreign)); e == nil {
					t.Errorf("%s got in", foreign)
				}
			}
		}
		return err
	}
	write := func(dir, name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("changed"), 0o600); err != nil {
			t.Error(err)
		}
	}
	tests := map[string]struct {
		change func(source, plan string)
		wrong  string
	}{
		"as planned":       {func(string, string) {}, ""},
		"a new file":       {func(s, _ string) { write(s, "node/new") }, ""},
		"another script":   {func(s, _ string) { write(s, "node/setup.sh") }, "node/setup.sh is not what it was"},
		"another template": {func(s, _ string) { write(s, "node/t.json") }, "node/t.json is not what it was"},
		"other variables":  {func(_, p string) { write(p, varsFile) }, "the variables are not what they were"},
		"a link in its place": {func(s, _ string) {
			_ = os.Remove(filepath.Join(s, "node/t.json"))
			_ = os.Symlink("/etc/passwd", filepath.Join(s, "node/t.json"))
		}, "copying"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := prepare(t, tt.change)
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("got %v, want %q", err, tt.wrong)
			}
		})
	}
}
