package survey

import (
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/control"
	"sallyport/agent/repo"
)

// Checkout says what a configuration would find in a checkout, named as DIR, or as NAME=DIR where there are several repositories.
func Checkout(c *config.Config, where string) (*Report, error) {
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
			return nil, control.Errorf(control.Usage, "the configuration has several repositories").
				WithHint("say whose checkout it is, one of %s: --repo NAME=DIR", strings.Join(names, ", "))
		}
		name = c.Repositories[0].Name
	}
	tree, err := repo.OnDisk(dir)
	if err != nil {
		return nil, control.Errorf(control.NotFound, "%v", err).WithHint("--repo takes the directory of a checkout")
	}
	return survey(place{tree: tree, disk: dir}, c, name)
}
