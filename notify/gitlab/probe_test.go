package gitlab_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/notify/forge"
	"sallyport/notify/forge/forgetest"
	"sallyport/notify/forge/wire"
	"sallyport/notify/gitlab"
	"sallyport/notify/gitlab/gitlabtest"
)

func TestProbe(t *testing.T) {
	tests := map[string]struct {
		with  func(*gitlabtest.Server)
		want  string // verdicts
		note  string
		other func(forge.Probe) bool
	}{
		"all there": {func(*gitlabtest.Server) {}, "granted granted granted granted", "", func(p forge.Probe) bool {
			return p.Login == "sallyport-bot" && p.Version == "18.6.1-ee" && !p.Archived && p.Hint() == ""
		}},
		"reads only": {func(s *gitlabtest.Server) { s.SetScopes("read_api") }, "missing granted granted missing", "", func(p forge.Probe) bool {
			return strings.Contains(p.Hint(), "scope api") && strings.Contains(p.Permissions[0].Err.Error(), "read_api")
		}},
		"a Reporter": {func(s *gitlabtest.Server) { s.SetAccess(infra, "sallyport-bot", gitlabtest.Reporter) }, "granted missing granted missing", "", func(p forge.Probe) bool {
			return strings.Contains(p.Hint(), "role Developer") && strings.Contains(p.Permissions[1].Err.Error(), "Reporter")
		}},
		"archived": {func(s *gitlabtest.Server) { s.ChangeProject(infra, func(p *gitlabtest.Project) { p.Archived = true }) }, "granted granted granted missing", "",
			func(p forge.Probe) bool { return p.Archived }},
		"a protected branch": {func(s *gitlabtest.Server) {
			s.ChangeProject(infra, func(p *gitlabtest.Project) { p.Protected = map[string]int{"main": gitlabtest.Maintainer} })
		}, "granted granted granted granted", "main is protected", nil},
		"a token that does not say": {func(s *gitlabtest.Server) {
			s.Fail(gitlabtest.RouteToken, 1, forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 404, Body: map[string]any{"message": "404 Not found"}}})
		}, "unclear granted granted granted", "", nil},
		"an old GitLab": {func(s *gitlabtest.Server) {
			s.Fail(gitlabtest.RouteMetadata, 1, forgetest.Fault{Kind: forgetest.Refuse, Answer: forgetest.Answer{Status: 404, Body: map[string]any{"error": "404 Not Found"}}})
		}, "granted granted granted granted", "", func(p forge.Probe) bool { return p.Version == "" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			c := client(t, s, nil)
			s.OpenPull(infra, gitlabtest.Pull{Author: "jane", Head: sha("a")})
			tt.with(s)
			p := must[forge.Probe](t)(c.Probe(deadline(t)))
			var verdicts []string
			for _, one := range p.Permissions {
				verdicts = append(verdicts, string(one.Verdict))
			}
			if got := strings.Join(verdicts, " "); got != tt.want || (tt.note == "") != (len(p.Notes) == 0) || !strings.Contains(fmt.Sprint(p.Notes), tt.note) {
				t.Errorf("%s, notes %q", got, p.Notes)
			}
			if tt.other != nil && !tt.other(p) {
				t.Errorf("%+v, hint %q", p, p.Hint())
			}
			if n := len(s.Statuses(infra, sha("a"), "")); n != 0 {
				t.Error("a probe changed something")
			}
		})
	}
}

func TestProbeOfNothing(t *testing.T) {
	tests := map[string]struct {
		with func(*gitlabtest.Server)
		kind wire.Kind
	}{
		"hidden":  {func(s *gitlabtest.Server) { s.SetAccess(infra, "sallyport-bot", 0) }, wire.NotFound},
		"revoked": {func(s *gitlabtest.Server) { s.Revoke() }, wire.Unauthorized},
		"renamed": {func(s *gitlabtest.Server) { s.Rename(infra, "ops/other") }, wire.Moved},
		"down":    {func(s *gitlabtest.Server) { s.Down() }, wire.Outage},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := site(t, nil)
			tt.with(s)
			if _, err := client(t, s, nil).Probe(deadline(t)); wire.KindOf(err) != tt.kind {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTokenEnds: a token that is about to end is warned of.
func TestTokenEnds(t *testing.T) {
	for day, warned := range map[string]bool{"": false, "2027-01-31": false, "2026-12-01": true} {
		clock := newClock()
		s := site(t, func(o *gitlabtest.Options) { o.Now, o.Expires, o.Limit = clock.Now, day, 600 })
		p := must[forge.Probe](t)(client(t, s, func(o *gitlab.Options) { o.Now = clock.Now }).Probe(deadline(t)))
		if warned != strings.Contains(fmt.Sprint(p.Notes), day) && day != "" || !warned && len(p.Notes) != 0 {
			t.Errorf("%s: %q", day, p.Notes)
		}
		if !p.Rate.Known || p.Rate.Limit != 600 || p.Rate.Remaining != 599 {
			t.Errorf("%+v", p.Rate)
		}
	}
}
