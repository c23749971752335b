package active

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/agent/config"
	"sallyport/agent/terraform/credentials"
	"sallyport/notify/redact"
)

// TestGitAccess: what the configuration lends is what terraform lends.
func TestGitAccess(t *testing.T) {
	t.Parallel()
	r := &config.Repository{
		Name: "infra", URL: "https://ghe.example/ops/infra.git", Username: "me", Token: redact.NewSecret("x"), CAFile: "/ca.pem",
		ModulesFrom: []string{"ops/modules"}, Site: config.Site{Kind: "github", LendToPreviews: true},
	}
	conf := &Config{Cfg: &config.Config{Repositories: []*config.Repository{r}}}
	want := &credentials.Git{
		URL: r.URL, Username: "me", Token: r.Token, CAFile: "/ca.pem", ModulesFrom: []string{"ops/modules"}, LendToPreviews: true, Site: "github",
	}
	if diff := cmp.Diff(want, (&Active{}).GitAccess(t.Context(), conf, "infra"), cmp.Comparer(func(a, b redact.Secret) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	r.Token = redact.Secret{}
	r.CAFile = ""
	if got := (&Active{}).GitAccess(t.Context(), conf, "infra"); got != nil {
		t.Errorf("without credentials: %+v", got)
	}
}
