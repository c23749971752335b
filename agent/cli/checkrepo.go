package cli

import (
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/repo"
	"sallyport/agent/survey"
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
