package cli

import (
	"fmt"
	"io"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/packer"
	"sallyport/agent/repo"
	"sallyport/agent/survey"
	"sallyport/notify/redact"
	"sallyport/notify/words"
)

// found looks what a configuration would find in a checkout, named as DIR, or as NAME=DIR where there are several repositories.
func found(c *config.Config, where string) (*survey.Report, error) {
	name, dir, named := strings.Cut(where, "=")
	if !named || c.Repository(name) == nil {
		name, dir = "", where
	}
	if name == "" {
		if len(c.Repositories) != 1 {
			var names []string
			for _, r := range c.Repositories {
				names = append(names, r.Name)
			}
			return nil, &usageError{"the configuration has several repositories", "say whose checkout it is, one of " + strings.Join(names, ", ") + ": --repo NAME=DIR"}
		}
		name = c.Repositories[0].Name
	}
	tree, err := repo.OnDisk(dir)
	if err != nil {
		return nil, control.Errorf(control.NotFound, "%v", err).WithHint("--repo takes the directory of a checkout")
	}
	return survey.Of(c, name, tree)
}

// maxNone is how many directories that make no stack are listed of one glob.
const maxNone = 20

// printFound writes a report for people.
func printFound(out io.Writer, r *survey.Report) error {
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
	_, err := io.WriteString(out, b.String())
	return printed(err)
}
