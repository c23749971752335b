package render

import (
	"fmt"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/packer"
	"sallyport/agent/survey"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// maxNone is how many directories that make no stack are listed of one glob.
const maxNone = 20

// Environments are the blocks with for_each with the stacks that each makes, a line for each block.
func Environments(all []config.Environment) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(redact.CleanLine(fmt.Sprintf("  %s makes %s", e.Block, strings.Join(e.Stacks, ", "))) + "\n")
	}
	return b.String()
}

// Found is what a configuration makes of a repository's files.
func Found(r *survey.Report) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(redact.CleanLine(fmt.Sprintf(format, args...)) + "\n") }
	line("repository %s: %s, %s", r.Repository, words.CountOf(len(r.Stacks), "stack", "stacks"), words.CountOf(len(r.Images), "image", "images"))
	for _, g := range r.Globs {
		line("stacks %q: %s%s", g.Glob, words.CountOf(g.Stacks, "stack", "stacks"), forEach(g.Keys))
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

// forEach names the keys of a for_each, if there is one.
func forEach(keys []string) string {
	if len(keys) == 0 {
		return ""
	}
	return ", for each directory " + strings.Join(keys, ", ")
}
