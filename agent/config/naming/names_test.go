package naming

import (
	"strings"
	"testing"
)

func TestNameFor(t *testing.T) {
	long := strings.Repeat("accounts/production/", 12) + "network"
	for _, c := range []struct{ name, dir, want string }{
		{"below directories", "services/jira", "services-jira"},
		{"the root", ".", "infra"},
		{"capitals", "Services/JIRA", "Services-JIRA"},
		{"dots inside", "v1.2/a..b", "v1.2-a..b"},
		{"an underscore first", "_shared", "_shared"},
		{"a dot first", ".github/infra", "_github-infra"},
		{"a dash first", "-x", "_x"},
		{"a number", "12", "12"},
		{"ends like a lock", "a/b.lock", "a-b.lock"},
		{"other characters", "a b/c@d:e+f~g", "a-b-c-d-e-f-g"},
		{"letters of other alphabets", "größe/日本", "gr--e---"},
		{"65 characters", strings.Repeat("x", 65), strings.Repeat("x", 65)},
		{"200 characters", strings.Repeat("x", 200), strings.Repeat("x", 200)},
		{"more than 200", long, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Of("infra", c.dir)
			if c.dir == long {
				if len(got) != MaxStack || !strings.HasPrefix(got, "accounts-production-") || !strings.HasSuffix(got, "-production-network") {
					t.Errorf("got %q, %d", got, len(got))
				}
				if other := Of("infra", long[:110]+"x"+long[111:]); other == got {
					t.Error("what differs in the middle has the same name")
				}
			} else if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !ValidStack(got) {
				t.Errorf("%q could not be written in a stack block", got)
			}
		})
	}
}

func TestCouldMake(t *testing.T) {
	for _, c := range []struct {
		glob, name string
		want       bool
	}{
		{"services/*", "services-jira", true}, {"services/*", "network", false}, {"**/prod", "prod", true}, {"**/prod", "a-b-prod", true},
		{"{a,b}/x", "b-x", true}, {"{a,b}/x", "c-x", false}, {"envs/**", "envs-eu-prod", true},
		{"Envs/*", "Envs-EU", true}, {"Envs/*", "envs-EU", false}, {"my envs/*", "my-envs-eu", true}, {".live/*", "_live-eu", true}, {".live/*", "live-eu", false},
		{"**", "infra", true}, {"a/**", "infra", false}, {"[a-c]/x", "b-x", true}, {"a/**", strings.Repeat("x", 200), true},
	} {
		if got := CouldMake(c.glob, "infra", c.name); got != c.want {
			t.Errorf("%s, %s: got %v", c.glob, c.name, got)
		}
	}
}
