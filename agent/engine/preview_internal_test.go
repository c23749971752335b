package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"sallyport/agent/config"
	"sallyport/agent/terraform"
	"sallyport/agent/terraform/credentials"
	"sallyport/notify/redact"
)

// A pull request's plan runs what nobody has looked at: it is given what stands in the configuration, and no secret.
func TestPreviewsGetNoSecrets(t *testing.T) {
	t.Parallel()
	two := func(a, b string) map[string]redact.Secret {
		return map[string]redact.Secret{a: redact.NewSecret("plain"), b: redact.NewSecret("secret")}
	}
	stack := func(planRole string) *config.Stack {
		return &config.Stack{
			Vars: map[string]cty.Value{"size": cty.StringVal("plain"), "password": cty.StringVal("secret")},
			Env:  two("AWS_REGION", "TOKEN"), PlanEnv: two("MODE", "KEY"), BackendConfig: two("bucket", "secret_key"),
			Secrets: config.Secrets{Vars: []string{"password"}, Env: []string{"TOKEN"}, PlanEnv: []string{"KEY"}, Backend: []string{"secret_key"}},
			AWS:     &config.AWS{RoleARN: "apply", PlanRoleARN: planRole},
		}
	}
	for name, c := range map[string]struct {
		s       *config.Stack
		given   bool
		missing string
		role    bool
	}{
		"a role of plans":              {stack("plan"), false, "vars password, env TOKEN, plan_env KEY, backend_config secret_key", true},
		"one role for all":             {stack(""), false, "vars password, env TOKEN, plan_env KEY, backend_config secret_key, the role of its applies", false},
		"the configuration gives them": {stack(""), true, "", true},
	} {
		r := &config.Repository{Site: config.Site{Kind: "github", SecretsToPreviews: c.given}}
		o := terraform.PlanOptions{Vars: c.s.Vars, Env: c.s.Env, PlanEnv: c.s.PlanEnv, BackendConfig: c.s.BackendConfig, AWS: &credentials.AWS{RoleARN: c.s.AWS.PlanRole()}}
		if got := strings.Join(withhold(&o, c.s, r), ", "); got != c.missing {
			t.Errorf("%s: missing are %q", name, got)
		}
		var values []string
		for _, v := range o.Vars {
			values = append(values, v.AsString())
		}
		for _, m := range []map[string]redact.Secret{o.Env, o.PlanEnv, o.BackendConfig} {
			for _, v := range m {
				values = append(values, v.Reveal())
			}
		}
		if plain := slices.Contains(values, "plain") && !slices.Contains(values, "secret"); plain == c.given || o.WithoutCredentials == c.given || len(values) != map[bool]int{true: 8, false: 4}[c.given] {
			t.Errorf("%s: it gets %q", name, values)
		}
		if (o.AWS != nil) != c.role {
			t.Errorf("%s: its role is %v", name, o.AWS)
		}
		if len(c.s.Vars) != 2 || len(c.s.Env) != 2 {
			t.Errorf("%s: the stack itself has lost something", name)
		}
	}
}
