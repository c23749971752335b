package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"

	"sallyport/agent/config/calendar"
	"sallyport/agent/config/decode"
	"sallyport/agent/config/identity"
	"sallyport/agent/config/naming"
	"sallyport/agent/config/remote"
	"sallyport/agent/config/shape"
)

// readTerraform reads the terraform block.
func readTerraform(l *decode.Reader, b *hcl.Block) Terraform {
	a := l.Block(b, shape.Terraform())
	t := Terraform{}
	l.Whole(a, "parallel", &t.Parallel)
	var tool Tool
	readTool(l, a, &tool)
	t.Engine, t.Version, t.Binary = tool.Engine, tool.Version, tool.Binary
	if l.String(a, "user", &t.User) {
		if !identity.OSUser.MatchString(t.User) || t.User == "root" {
			l.Fault(a.At("user"), "Invalid user", "user takes the name of a user of this machine that is not root, not %q.", t.User)
		} else if err := decode.CheckUser(l, t.User); err != nil {
			l.Fault(a.At("user"), "Unusable user", "%v.", err)
		}
	}
	if l.Path(a, "cli_config_file", &t.CLIConfigFile) {
		if _, err := l.TrustFile(t.CLIConfigFile); err != nil {
			l.Fault(a.At("cli_config_file"), "Unusable file", "cli_config_file: %s.", err)
		}
	}
	readProviderMirror(l, a, &t)
	return t
}

// readSlack reads the slack block.
func readSlack(l *decode.Reader, b *hcl.Block) *Slack {
	a := l.Block(b, shape.Slack())
	s := &Slack{}
	a.Preset("api_url", &s.APIURL)
	l.HeaderSecret(a, "token", &s.Token)
	l.HeaderSecret(a, "app_token", &s.AppToken)
	if token := s.AppToken.Reveal(); token != "" && !strings.HasPrefix(token, "xapp-") {
		l.Fault(a.At("app_token"), "Invalid token", "app_token takes an app-level token, which begins with xapp-; that of the bot, which begins with xoxb-, is token.")
	}
	identity.ReadChannel(l, a, &s.Channel)
	identity.ReadApprovers(l, a, "approvers", &s.Approvers)
	l.Duration(a, "poll", &s.Poll)
	calendar.ReadSchedule(l, a, "daily", &s.Daily)
	var raw string
	if l.String(a, "api_url", &raw) {
		api, err := remote.ParseAPI(raw)
		if err != nil {
			l.Fault(a.At("api_url"), "Invalid URL", "api_url cannot be used: %s.", err)
		} else {
			s.APIURL = api
		}
	}
	return s
}

// readPeople reads the person blocks. One identity that two people share would let one of them vote twice.
func readPeople(l *decode.Reader, cfg *Config, blocks hcl.Blocks) {
	names, taken := map[string]hcl.Range{}, map[string]hcl.Range{}
	for _, b := range blocks {
		if !checkLabel(l, b, names) {
			continue
		}
		a := l.Block(b, shape.Person())
		p := Person{Name: b.Labels[0]}
		for _, id := range []struct {
			attr  string
			dst   *string
			form  naming.Spelling
			fold  bool
			wants string
		}{
			{"slack", &p.Slack, identity.User, false, `the id of a user ("U01ABCDEF")`},
			{"github", &p.GitHub, identity.Login, true, "the login of an account"},
			{"gitlab", &p.GitLab, identity.Account, true, "the login of an account"},
			{"gitea", &p.Gitea, identity.Account, true, "the login of an account"},
			{"os", &p.OS, identity.OSUser, false, "the name of a user of this machine"},
		} {
			if !l.String(a, id.attr, id.dst) {
				continue
			}
			if !id.form.MatchString(*id.dst) {
				l.Fault(a.At(id.attr), "Invalid identity", "%s takes %s, not %q.", id.attr, id.wants, *id.dst)
				continue
			}
			key := id.attr + ":" + *id.dst
			if id.fold {
				key = strings.ToLower(key)
			}
			if first, dup := taken[key]; dup {
				l.Fault(a.At(id.attr), "Duplicate identity", "%s = %q is another person's already, at %s.", id.attr, *id.dst, decode.Place(first))
				continue
			}
			taken[key] = a.At(id.attr)
		}
		if len(p.Accounts()) == 0 {
			l.Warn(b.DefRange, "person %q has neither slack nor github (nor gitlab, nor gitea) nor os, so it changes nothing", p.Name)
		}
		cfg.People = append(cfg.People, p)
	}
}
