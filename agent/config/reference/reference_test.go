package reference

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"sallyport/agent/config/shape"
	"sallyport/agent/need"
	"sallyport/notify/golden"
)

func TestMain(m *testing.M) { os.Exit(need.Main(m)) }

// What people read of one block.
func TestText(t *testing.T) {
	t.Parallel()
	got := Text(Blocks("slack")) + "\n" + Text(Blocks("repository github"))
	golden.Is(t, "testdata/blocks.golden", got)
	for i, line := range strings.Split(Text(Blocks("")), "\n") {
		if len(line) > 80 && !strings.Contains(line, " = ") {
			t.Errorf("line %d is %d characters long: %s", i+1, len(line), line)
		}
	}
}

// Nothing is missing: each attribute of each block is in the text of that block, in the text of all, and in the man page.
func TestNothingIsMissing(t *testing.T) {
	t.Parallel()
	text, man := Text(Blocks("")), Man("1.2.3", "2026-11-30")
	for _, b := range shape.Reference() {
		own := Text(Blocks(b.Path))
		for _, a := range b.Attributes {
			if !strings.Contains(own, "\n  "+a.Name+"  ") || !strings.Contains(own, a.Name+" = "+a.Example) {
				t.Errorf("%s %s is not in the text of its block", b.Path, a.Name)
			}
			if !strings.Contains(text, a.Name+" = "+a.Example) {
				t.Errorf("%s %s is not in the text of all", b.Path, a.Name)
			}
			if !strings.Contains(man, "\n.B "+roff(a.Name)+"\n") {
				t.Errorf("%s %s is not in the man page", b.Path, a.Name)
			}
		}
	}
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"slack":                  "slack",
		"repository":             "repository|repository ssh|repository github|repository github app|repository gitlab|repository gitea|repository bitbucket|repository require_signed",
		"repository  github app": "repository github app",
		"ssh":                    "repository ssh",
		"app":                    "repository github app",
		"aws":                    "stack aws",
		"terraform":              "terraform",
		"stack terraform":        "stack terraform",
		"nosuch":                 "",
	} {
		var paths []string
		for _, b := range Blocks(name) {
			paths = append(paths, b.Path)
		}
		if got := strings.Join(paths, "|"); got != want {
			t.Errorf("%q means %q, want %q", name, got, want)
		}
	}
}

// groff finds nothing to complain about, and shows examples as they are typed.
func TestManPage(t *testing.T) {
	t.Parallel()
	groff := need.Program(t, "groff")
	cmd := exec.CommandContext(t.Context(), groff, "-man", "-ww", "-Tascii", "-P-cbou")
	cmd.Stdin = strings.NewReader(Man("1.2.3", "2026-11-30"))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("%v\n%s", err, complaints.String())
	}
	for _, want := range []string{`daily = "CRON_TZ=Europe/Paris 0 9 * * 1-5"`, "sallyport 1.2.3", `plan_ttl = "12h"`, `duration; default "24h"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page does not say %s", want)
		}
	}
}
