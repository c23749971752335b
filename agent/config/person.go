package config

// Person says which identities are the same human.
type Person struct {
	Name   string
	Slack  string
	GitHub string
	GitLab string
	Gitea  string
	OS     string
}

// Accounts are the person's accounts by where they are, as in "slack:U01ABCDEF"; without those that are not named.
func (p Person) Accounts() map[string]string {
	out := map[string]string{"slack": p.Slack, "github": p.GitHub, "gitlab": p.GitLab, "gitea": p.Gitea, "cli": p.OS}
	for place, id := range out {
		if id == "" {
			delete(out, place)
		}
	}
	return out
}

// Login is the person's account at a site, by the type of the site's block; empty if none is named.
func (p Person) Login(site string) string {
	switch site {
	case "github", "gitlab", "gitea":
		return p.Accounts()[site]
	}
	return ""
}
