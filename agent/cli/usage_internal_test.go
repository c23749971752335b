package cli

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/agent/cli/call"
	"sallyport/agent/cli/fold"
)

// everyVerb calls do for each verb, those that are hidden too.
func everyVerb(t *testing.T, do func(t *testing.T, c *cobra.Command)) {
	t.Helper()
	root := newRoot(call.New(Invocation{Stdout: io.Discard, Stderr: io.Discard, Environ: []string{}}))
	verbs := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		if c.HasParent() && !c.HasSubCommands() && !c.DisableFlagParsing {
			verbs++
			t.Run(strings.TrimPrefix(c.CommandPath(), "sallyport "), func(t *testing.T) { do(t, c) })
		}
	}
	walk(root)
	if verbs < 25 {
		t.Fatalf("found %d verbs", verbs)
	}
}

// Somebody who reads a usage line sees every flag, and none that there is not.
func TestUsageLinesNameEveryFlag(t *testing.T) {
	everyVerb(t, func(t *testing.T, c *cobra.Command) {
		named := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?:^|[^-\w])(--?[a-z][a-z-]*)`).FindAllStringSubmatch(c.Use, -1) {
			named[m[1]] = true
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" {
				return
			}
			if !named["--"+f.Name] && (f.Shorthand == "" || !named["-"+f.Shorthand]) {
				t.Errorf("--%s is not in %q", f.Name, c.Use)
			}
		})
		for name := range named {
			if f := c.Flag(strings.TrimLeft(name, "-")); f == nil && c.Flags().ShorthandLookup(strings.TrimLeft(name, "-")[:1]) == nil {
				t.Errorf("there is no %s, which %q names", name, c.Use)
			}
		}
		if !strings.HasPrefix(c.UseLine(), c.CommandPath()) || strings.Contains(c.UseLine(), "[flags]") {
			t.Errorf("the usage line is %q", c.UseLine())
		}
	})
}

// The help of each verb is read at 80 columns without a word that breaks.
func TestHelpFitsATerminal(t *testing.T) {
	everyVerb(t, func(t *testing.T, c *cobra.Command) {
		var out strings.Builder
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "\nUsage:\n  "+c.CommandPath()) {
			t.Errorf("no usage in\n%s", out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > fold.Width {
				t.Errorf("%d columns: %s", n, line)
			}
		}
	})
}
