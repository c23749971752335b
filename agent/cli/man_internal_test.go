package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/agent/cli/call"
)

// manOf are the pages as a call with this environment writes them, by name.
func manOf(t *testing.T, environ ...string) map[string]string {
	t.Helper()
	pages, err := manPages(call.New(Invocation{Environ: environ, Version: "1.2.3", Now: clock}))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, p := range pages {
		texts[p.Name] = string(p.Text)
	}
	if len(texts) != len(pages) || len(texts) < 30 {
		t.Fatalf("%d pages with %d names", len(pages), len(texts))
	}
	return texts
}

// Every verb that people are shown has a page, with each of its flags.
func TestManPagesNameEveryFlag(t *testing.T) {
	t.Parallel()
	pages := manOf(t)
	everyVerb(t, func(t *testing.T, c *cobra.Command) {
		hidden := c.Hidden || strings.HasPrefix(c.CommandPath(), "sallyport help")
		text, written := pages[strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"]
		if written == hidden {
			t.Fatalf("it is hidden: %t, and it has a page: %t", hidden, written)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if named := `\fB` + strings.ReplaceAll("--"+f.Name, "-", `\-`) + `\fP`; !hidden && !strings.Contains(text, named) {
				t.Errorf("%s is not in\n%s", named, text)
			}
		})
	})
}

// The same version has the same pages, whoever writes them where and when.
func TestManPagesAreTheSame(t *testing.T) {
	t.Parallel()
	const day = "SOURCE_DATE_EPOCH=1790000000"
	pages := manOf(t, day)
	if diff := cmp.Diff(pages, manOf(t, day, "SALLYPORT_CONFIG=/home/jane/sallyport.hcl", "SALLYPORT_SOCKET=/home/jane/s.sock", "COLUMNS=40")); diff != "" {
		t.Errorf("the environment changes them:\n%s", diff)
	}
	for name, text := range pages {
		if head, _, _ := strings.Cut(text, "\n"); !strings.Contains(head, `"2026-09-21" "sallyport 1.2.3"`) {
			t.Errorf("%s begins with %s", name, head)
		}
	}
}

// What is typed in a shell stands in the pages as it is typed, and what is no flag's value is not shown as one.
func TestManPageText(t *testing.T) {
	t.Parallel()
	pages := manOf(t)
	for page, wants := range map[string][]string{
		"sallyport-exec.1":       {".EX\n  sallyport exec ghe \\-\\- state list\n", `sallyport exec STACK \-\- COMMAND [ARGS...]`},
		"sallyport-completion.1": {"source <(sallyport completion bash)", "~/.config/fish/completions/sallyport.fish", "sallyport completion bash|zsh|fish"},
		"sallyport-audit.1":      {`{"chain": "ok"}`, "\n" + `\fB\-\-since\fP \fIT\fP` + "\nnothing before T\n", "\n" + `\fB\-\-csv\fP` + "\n"},
		"sallyport-plan.1":       {`[\-\-var NAME]\&...`, `name=value works`},
		"sallyport.1":            {".SH COMMANDS\n", ".BR sallyport\\-plan (1)\n", ".SH ENVIRONMENT\n.TP\n.B SALLYPORT_CONFIG\n", ".SH EXIT CODES\n.TP\n.B 0\n"},
	} {
		for _, want := range wants {
			if !strings.Contains(pages[page], want) {
				t.Errorf("%q is not in %s:\n%s", want, page, pages[page])
			}
		}
	}
	for name, text := range pages {
		if strings.Contains(text, `="`) && !strings.HasSuffix(name, ".5") || strings.Contains(text, "[=") || strings.Contains(text, "```") {
			t.Errorf("%s has something of how it was made:\n%s", name, text)
		}
	}
}
