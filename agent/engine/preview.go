package engine

import (
	"maps"
	"strings"

	"sallyport/agent/config"
	"sallyport/agent/hint"
	"sallyport/agent/packer"
	"sallyport/agent/terraform"
	"sallyport/notify/words"
)

// withhold takes from a pull request's plan all that the configuration got from env, file or credential, and the role of applies:
// nobody has looked at what that plan runs. What stands in the configuration itself is no secret. It names what is missing.
func withhold(o *terraform.PlanOptions, s *config.Stack, r *config.Repository) (missing []string) {
	if r != nil && r.Site.SecretsToPreviews {
		return nil
	}
	o.WithoutCredentials = true
	o.Vars, o.Env = without(o.Vars, s.Secrets.Vars), without(o.Env, s.Secrets.Env)
	o.PlanEnv, o.BackendConfig = without(o.PlanEnv, s.Secrets.PlanEnv), without(o.BackendConfig, s.Secrets.Backend)
	missing = s.Secrets.List()
	if s.AWS != nil && s.AWS.PlanRole() == s.AWS.RoleARN {
		o.AWS = nil
		missing = append(missing, "the role of its applies")
	}
	return missing
}

// withholdFromImage is [withhold] for what Packer is given when it looks at a template.
func withholdFromImage(o *packer.PlanOptions, s *config.Stack, r *config.Repository) (missing []string) {
	if r != nil && r.Site.SecretsToPreviews {
		return nil
	}
	o.Vars, o.Env = without(o.Vars, s.Secrets.Vars), without(o.Env, s.Secrets.Env)
	return s.Secrets.List()
}

// withheld tells of a plan what it was made without.
func withheld(missing []string, r *config.Repository) string {
	return "planned without the stack's secrets (" + words.List(missing, 5) + "), which plans of " + siteOf(r).Changes() + " are not given"
}

// siteOf is where a repository lies; the zero value if it has left the configuration.
func siteOf(r *config.Repository) config.Site {
	if r == nil {
		return config.Site{Kind: "github"}
	}
	return r.Site
}

// lacking tells of a plan that failed without the stack's secrets where they can be had, beside what is known of the error.
func lacking(err error, missing []string, r *config.Repository) error {
	site, also := siteOf(r), hint.Of(err)
	if also != "" {
		also = "; else: " + also
	}
	return hint.With(err, "this plan of a %s was not given the stack's secrets (%s); secrets_to_previews = true in the %s block gives them, to whoever opens one%s",
		strings.TrimSuffix(site.Changes(), "s"), words.List(missing, 5), site.Kind, also)
}

// without is a copy of a map without some of its names.
func without[V any](m map[string]V, names []string) map[string]V {
	m = maps.Clone(m)
	for _, name := range names {
		delete(m, name)
	}
	return m
}
