package render

import (
	"fmt"
	"strings"

	"sallyport/agent/packer"
	"sallyport/agent/survey"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// maxNone is how many directories that make no stack are listed of one glob.
const maxNone = 20

// Found is what a configuration makes of a repository's files.
func Found(r *survey.Report) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(redact.CleanLine(fmt.Sprintf(format, args...)) + "\n") }
	line("repository %s: %s, %s", r.Repository, words.CountOf(len(r.Stacks), "stack", "stacks"), words.CountOf(len(r.Images), "image", "images"))
	for _, g := range r.Globs {
		line("stacks %q: %s", g.Glob, words.CountOf(g.Stacks, "stack", "stacks"))
		for _, n := range g.None[:min(len(g.None), maxNone)] {
			line("  none of %s: %s", n.Dir, n.Why)
		}
		if more := len(g.None) - maxNone; more > 0 {
			line("  none of %s more, which --json lists", words.CountOf(more, "directory", "directories"))
		}
	}
	for kind, list := range [][]survey.Stack{r.Stacks, r.Images} {
		for _, s := range list {
			line("%s %s in %s: %s", []string{"stack", "image"}[kind], s.Name, s.Dir, s.Why)
			if s.Error != "" {
				line("  cannot be planned: %s", s.Error)
			}
			if s.State != "" {
				line("  state: %s", s.State)
			}
			for _, u := range s.Unknown {
				line("  %s", u)
			}
			if len(s.Plugins) > 0 {
				line("  needs packer 1.7 or newer with %s: %s", words.List(s.Plugins, maxNone), s.Present)
				if len(s.Missing) > 0 {
					line("  offline: %s", packer.OfflineHint)
				}
			}
		}
	}
	for _, f := range r.Faults {
		line("%s", f)
	}
	return b.String()
}
